//! Which apps and roles a command acts on: those of the configuration, and roles that only the store knows.

use maintenance_control::{AppRoles, Context, Control, Error, RoleSpec, RoleStatus};
use maintenance_flag::{App, Role};

use crate::command_context::CommandContext;
use crate::connection::Connection;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::read_each;
use crate::render::{self, Line, Reader};
use crate::settings::{Settings, Target};

/// An app that a command acts on, connected, with its roles.
#[derive(Debug)]
pub(super) struct SelectedApp<'a> {
    pub(super) settings: &'a Settings,
    pub(super) connection: Connection,
    pub(super) roles: Vec<RoleSpec>,
    /// The command that acts on it alone.
    pub(super) context: CommandContext,
    /// Whether its lines have to name it.
    is_one_of_several: bool,
}

impl SelectedApp<'_> {
    pub(super) fn app(&self) -> &App {
        self.connection.control.app()
    }

    /// What its lines are labelled with: nothing, where it stands alone.
    pub(super) fn label(&self) -> Option<&App> {
        self.is_one_of_several.then(|| self.app())
    }

    pub(super) fn say(&self, line: impl Into<String>, output: &Output) {
        output.say(render::of_app(line.into(), self.label()));
    }

    /// Part of a question.
    pub(super) fn ask(&self, line: impl Into<String>, output: &Output) {
        output.ask(format_args!(
            "{}\n",
            render::of_app(line.into(), self.label())
        ));
    }

    pub(super) fn emit(&self, line: Line, output: &Output) {
        output.emit(&line.of_app(self.label()));
    }

    pub(super) fn reader(&self) -> Reader {
        Reader::of(&self.context)
    }

    /// Whether the role, as configured, selects functions.
    pub(super) fn selects(&self, role: &Role) -> bool {
        let mut roles = self.roles.iter();
        roles.any(|spec| spec.role == *role && spec.functions.is_some())
    }

    /// Its error. Where others are at work, commands in it that take one app alone name it.
    pub(super) fn failure(&self, error: CliError) -> CliError {
        self.context.complete_for_one(error)
    }
}

/// The connections of these apps.
pub(super) fn connections<'a>(apps: &'a [SelectedApp<'_>]) -> Vec<&'a Connection> {
    apps.iter().map(|app| &app.connection).collect()
}

/// The failures of some apps as one, each with its app unless that stands alone. Their outcome is that of
/// the first.
pub(super) fn failed(failures: Vec<(&SelectedApp<'_>, CliError)>) -> Option<CliError> {
    let outcome = failures.first()?.1.outcome();
    failed_with(failures, outcome)
}

/// The same, with this outcome where there are several apps.
pub(super) fn failed_with(
    failures: Vec<(&SelectedApp<'_>, CliError)>,
    outcome: Outcome,
) -> Option<CliError> {
    if failures.iter().any(|(app, _)| app.label().is_none()) {
        return failures.into_iter().next().map(|(_, error)| error);
    }
    let named = failures.into_iter();
    let named = named.map(|(app, error)| (app.app().clone(), app.failure(error)));
    CliError::together(named.collect(), outcome)
}

/// What came of each app, if none failed.
pub(super) fn all_or_failed<T, E: Into<CliError>>(
    apps: &[SelectedApp<'_>],
    results: impl IntoIterator<Item = Result<T, E>>,
) -> Result<Vec<T>, CliError> {
    let mut all = Vec::with_capacity(apps.len());
    let mut failures = Vec::new();
    for (app, result) in apps.iter().zip(results) {
        match result {
            Ok(it) => all.push(it),
            Err(error) => failures.push((app, error.into())),
        }
    }
    match failed(failures) {
        Some(error) => Err(error),
        None => Ok(all),
    }
}

/// The apps as they are planned: with the limit that a person waits for reads.
pub(super) fn parts_for_reads<'a>(
    apps: &'a [SelectedApp<'_>],
    contexts: &'a [Context<'a>],
) -> Vec<AppRoles<'a>> {
    let apps = apps.iter().zip(contexts);
    let part = |(app, context): (&'a SelectedApp<'_>, &'a Context<'a>)| AppRoles {
        control: &app.connection.reads,
        roles: &app.roles,
        context,
    };
    apps.map(part).collect()
}

/// The flags of the roles of each app.
pub(super) async fn flags(
    apps: &[SelectedApp<'_>],
    output: &Output,
) -> Result<Vec<Vec<RoleStatus>>, CliError> {
    let read = read_each(connections(apps), output, async |n, control, _| {
        control.flags(&apps[n].roles).await
    });
    all_or_failed(apps, read.await)
}

/// What to do about the roles that only a store knows, if it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unlisted {
    /// Fail: an operation must not leave one out.
    Fail,
    /// Show those that are configured, and say so.
    Configured,
    /// Take those that are configured: the command finds out itself what cannot be read.
    Ignored,
}

/// The apps of a target with the roles selected, as configured; with all of them, and where the configuration
/// does not have the role, those too that only the store knows. An app of a product that does not have the
/// role is left out.
pub(super) async fn selected<'a>(
    target: &'a Target,
    unlisted: Unlisted,
    output: &Output,
) -> Result<Vec<SelectedApp<'a>>, CliError> {
    select(target, unlisted, false, output).await
}

/// The same; with all roles, if none is selected.
pub(super) async fn selected_or_all<'a>(
    target: &'a Target,
    output: &Output,
) -> Result<Vec<SelectedApp<'a>>, CliError> {
    select(target, Unlisted::Fail, true, output).await
}

/// The same, whatever the store answers.
pub(super) async fn selected_or_configured<'a>(
    target: &'a Target,
    output: &Output,
) -> Result<Vec<SelectedApp<'a>>, CliError> {
    select(target, Unlisted::Ignored, true, output).await
}

async fn select<'a>(
    target: &'a Target,
    unlisted: Unlisted,
    is_all_if_none: bool,
    output: &Output,
) -> Result<Vec<SelectedApp<'a>>, CliError> {
    let all = target.apps();
    let is_one_of_several = all.len() > 1;
    let opened = Connection::open_all(all).await?;
    let apps = all.iter().zip(opened);
    let apps = apps.map(|(settings, connection)| SelectedApp {
        settings,
        connection,
        roles: Vec::new(),
        context: CommandContext::of_app(target, settings),
        is_one_of_several,
    });
    let mut apps: Vec<SelectedApp<'_>> = apps.collect();
    let is_all = |settings: &Settings| settings.all || is_all_if_none && settings.selects_no_role();
    let of_file = |settings: &Settings| match is_all(settings) {
        true => settings.configured(),
        false => settings.selected(),
    };
    let read = read_each(connections(&apps), output, async |n, control, _| {
        let settings = &all[n];
        roles(settings, is_all(settings), is_one_of_several, control).await
    });
    let read = read.await;
    let mut results = Vec::with_capacity(apps.len());
    for (app, read) in apps.iter().zip(read) {
        results.push(match read {
            Ok(Err(error)) if unlisted == Unlisted::Configured && is_shown(app, &error) => {
                let line = format!(
                    "Warning: only configured roles are shown, because the store could not be listed: {error}"
                );
                app.say(line, output);
                of_file(app.settings)
            }
            Ok(Err(_)) if unlisted == Unlisted::Ignored => of_file(app.settings),
            Ok(read) => read.map_err(CliError::from),
            Err(error) => Err(error),
        });
    }
    let roles = all_or_failed(&apps, results)?;
    for (app, roles) in apps.iter_mut().zip(roles) {
        app.roles = roles;
    }
    apps.retain(|app| !app.roles.is_empty());
    // Only a role that is not configured is found nowhere.
    let unknown = all
        .iter()
        .find_map(|settings| settings.unknown_role.as_ref());
    match unknown.filter(|_| apps.is_empty()) {
        Some(unknown) => Err(unknown.clone()),
        None => Ok(apps),
    }
}

/// Whether the configured roles can be shown all the same. The apps of a product do not hide each other.
fn is_shown(app: &SelectedApp<'_>, error: &Error) -> bool {
    app.is_one_of_several || matches!(error, Error::Store(error) if error.is_denied())
}

/// The roles of one app; none if it does not have the one that is selected.
async fn roles(
    settings: &Settings,
    is_all: bool,
    is_one_of_several: bool,
    control: &Control,
) -> Result<Result<Vec<RoleSpec>, Error>, CliError> {
    if is_all {
        return Ok(control.known_roles(settings.configured()?).await);
    }
    if settings.unknown_role.is_none() {
        return settings.selected().map(Ok);
    }
    let known = match control.known_roles(Vec::new()).await {
        Err(error) if is_one_of_several => return Ok(Err(error)),
        // A store that cannot be reached is the smaller of the two mistakes.
        known => known.unwrap_or_default(),
    };
    let role = &settings.role.value;
    Ok(Ok(known
        .into_iter()
        .filter(|spec| spec.role == *role)
        .collect()))
}
