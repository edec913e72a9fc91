//! How an operation ended, for the caller of the API or the reader of a page: done, or a problem that says
//! what to do next.

use jiff::Timestamp;
use maintenance_control::{
    Action, Error, Holder, LambdaError, LeftWindow, Report, RoleOutcome, RoleReport, StoreError,
    in_full,
};
use maintenance_flag::{App, Owner, OwnerKind, Product, Refusal, Role};
use serde_json::{Value, json};

use super::result::{AppResult, EventsResult};
use super::{Ended, Operation};
use crate::problem::{Code, Problem};
use crate::statuses::{OperationMode, Statuses};

/// How many functions a sentence names before it counts the rest. The members of the problem name all.
const NAMED: usize = 10;

/// What an operation that was carried out has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Success {
    /// How its roles stood before.
    pub previous: OperationMode,
    /// How they stand now.
    pub new: OperationMode,
    /// Roles that stay on though the product was left: they were not turned on for it.
    pub left_on: Vec<LeftRole>,
    /// Whether anything was changed: a window, or a function.
    pub has_changed: bool,
    /// When no code of them can still be running, UTC: with maintenance on, and if it is known.
    pub drained_at: Option<Timestamp>,
}

/// A role that stays on though the product was left.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftRole {
    /// Its app.
    pub app: App,
    /// The role.
    pub role: Role,
    /// Its window.
    pub window: LeftWindow,
}

impl LeftRole {
    /// What it was turned on for, in a sentence.
    #[must_use]
    pub fn why(&self) -> String {
        let place = format!("{} {}", self.app, self.role);
        match &self.window.product {
            Some(product) => format!("{place} (turned on for the product {product})"),
            None => format!("{place} (turned on by itself)"),
        }
    }

    /// The request that ends it.
    fn end(&self) -> String {
        let env = self.app.env();
        match &self.window.product {
            Some(product) => {
                format!("PUT /api/environments/{env}/product-deployments/{product}/operation-mode")
            }
            None => format!(
                "PUT /api/environments/{env}/apps/{}/roles/{}/operation-mode",
                self.app.name(),
                self.role
            ),
        }
    }
}

impl Operation {
    /// What came of it.
    ///
    /// # Errors
    /// The [`Problem`] to answer with: [`Code::Partial`] if anything was changed and not all is where it
    /// should be, whatever the reason; else why nothing was changed.
    pub async fn verdict(&self, ended: &Ended, statuses: &Statuses) -> Result<Success, Problem> {
        if self.is_done(ended) {
            return Ok(Success::of(ended.reports()));
        }
        match self.failure(ended, statuses).await {
            Some(problem) if self.is_dry_run || ended.is_refusal() => Err(problem),
            None if ended.results.is_empty() => Err(crashed()),
            cause => Err(self.partial(ended, cause)),
        }
    }

    /// Whether all is where it should be; of a dry run, whether all could be read and would be allowed.
    #[must_use]
    pub fn is_done(&self, ended: &Ended) -> bool {
        match self.is_dry_run {
            true => ended.error().is_none() && !ended.results.is_empty(),
            false => ended.is_complete(),
        }
    }

    /// The first error. What would be lost is told of all apps.
    async fn failure(&self, ended: &Ended, statuses: &Statuses) -> Option<Problem> {
        let results = self.target.apps.iter().zip(&ended.results);
        let failed = results.filter_map(|((app, _), result)| Some((app, result.as_ref().err()?)));
        let failed: Vec<_> = failed.collect();
        let &(app, error) = failed.first()?;
        let since = match error {
            Error::Refused { role, .. } => since(statuses, app, role).await,
            Error::EventsLost { .. } => {
                let failed = failed.iter().map(|(app, error)| (app.app(), *error));
                return Some(Problem::of_losses(failed));
            }
            _ => None,
        };
        Some(Problem::of_error(app.app(), error, since))
    }

    /// Something was changed, and not everything is where it should be.
    fn partial(&self, ended: &Ended, cause: Option<Problem>) -> Problem {
        let apps: Vec<AppResult> = ended.reports().map(AppResult::from).collect();
        let names = self.left(ended);
        let (named, more) = names.split_at(names.len().min(NAMED));
        let mut detail = named.join("; ");
        if !more.is_empty() {
            detail = format!("{detail}; and {} more", more.len());
        }
        if ended.reports().any(|report| report.interrupted) {
            detail = format!("the server was stopped in the middle: {detail}");
        }
        let detail = format!("{detail}. Send the same request again to continue with what is left");
        let problem = Problem::new(Code::Partial, detail)
            .with("left", names)
            .with("apps", value(&apps));
        match cause {
            Some(cause) => problem.with("cause", value(&cause.body())),
            None => problem,
        }
    }

    /// What is not where it should be, each with its app and role: functions, a role or an app as a whole.
    fn left(&self, ended: &Ended) -> Vec<String> {
        let mut left = Vec::new();
        for ((app, _), result) in self.target.apps.iter().zip(&ended.results) {
            let (report, error) = match result {
                Ok(report) => (Some(report), None),
                Err(Error::Unfinished { report, source }) => (Some(&**report), Some(&**source)),
                Err(error) => (None, Some(error)),
            };
            let roles = report.iter().flat_map(|report| &report.roles);
            let roles = roles.filter(|role| !role.is_complete());
            left.extend(roles.flat_map(|role| left_of(app.app(), self.request.action(), role)));
            left.extend(error.map(|error| format!("{}: {}", app.app(), in_full(error))));
        }
        left
    }
}

/// Since when the window of a role is open, for a sentence.
async fn since(
    statuses: &Statuses,
    app: &crate::catalog::ManagedApp,
    role: &Role,
) -> Option<Timestamp> {
    let read = statuses.app(app).await;
    let status = (*read).as_ref().ok()?;
    let status = status.roles.iter().find(|status| status.role == *role)?;
    status.flag.as_ref()?.since
}

fn crashed() -> Problem {
    Problem::new(
        Code::Internal,
        "the operation crashed: send the same request again to continue it; the server's log says more",
    )
}

impl Success {
    /// Of reports in which everything is where it should be.
    #[must_use]
    pub fn of<'a>(reports: impl IntoIterator<Item = &'a Report>) -> Self {
        let reports: Vec<&Report> = reports.into_iter().collect();
        let outcomes = || {
            let roles = reports.iter().flat_map(|report| &report.roles);
            roles.map(|role| role.outcome)
        };
        let left_on = reports.iter().flat_map(|report| {
            let left = report.roles.iter();
            let left = left.filter(|role| role.outcome == RoleOutcome::LeftOn);
            left.filter_map(|role| {
                Some(LeftRole {
                    app: report.app.clone(),
                    role: role.role.clone(),
                    window: role.left.clone()?,
                })
            })
        });
        let drained = reports.iter().map(|report| report.drained_at());
        let drained: Option<Vec<_>> = drained.collect();
        Self {
            previous: OperationMode::together(outcomes().map(before)),
            new: OperationMode::together(outcomes().map(after)),
            left_on: left_on.collect(),
            has_changed: reports.iter().flat_map(|it| &it.roles).any(is_changed),
            drained_at: drained.and_then(|all| all.into_iter().max()),
        }
    }

    /// Refuses to call it a success that a product was left and nothing of it was on, while windows that were not
    /// opened for it stay on.
    ///
    /// # Errors
    /// 409 `owner`, with what stays on and how to end it.
    pub fn unless_all_left(self) -> Result<Self, Problem> {
        match self.has_changed {
            true => Ok(self),
            false => self.unless_any_left(),
        }
    }

    /// The same for those who hear of success alone, and would take it for the end of all maintenance.
    ///
    /// # Errors
    /// 409 `owner`, with what stays on and how to end it.
    pub fn unless_any_left(self) -> Result<Self, Problem> {
        if self.left_on.is_empty() {
            return Ok(self);
        }
        let why: Vec<_> = self.left_on.iter().map(LeftRole::why).collect();
        let (why, mut ends) = (why.join(", "), Vec::new());
        for end in self.left_on.iter().map(LeftRole::end) {
            if !ends.contains(&end) {
                ends.push(end);
            }
        }
        let done = match self.has_changed {
            true => "the rest left maintenance",
            false => "nothing was changed",
        };
        let detail = format!(
            "{why} stays on; {done}. End it where it was turned on, with {{\"mode\": \"Normal\"}}: {}",
            ends.join(", ")
        );
        let left = self.left_on.iter().map(|left| {
            let product = left.window.product.as_ref().map(ToString::to_string);
            json!({"app": left.app.to_string(), "role": left.role.as_str(), "openedFor": product})
        });
        let left: Vec<Value> = left.collect();
        Err(Problem::new(Code::Owner, detail).with("leftOn", left))
    }
}

fn is_changed(role: &RoleReport) -> bool {
    let is_flag = matches!(
        role.outcome,
        RoleOutcome::TurnedOn | RoleOutcome::OptionsUpdated | RoleOutcome::TurnedOff
    );
    let workers = role.workers.as_ref();
    is_flag || workers.is_some_and(|workers| !workers.changed.is_empty())
}

/// How a role stood before it was worked on.
fn before(outcome: RoleOutcome) -> OperationMode {
    match outcome {
        RoleOutcome::TurnedOn | RoleOutcome::AlreadyOff => OperationMode::Normal,
        RoleOutcome::AlreadyOn
        | RoleOutcome::OptionsUpdated
        | RoleOutcome::TurnedOff
        | RoleOutcome::LeftOn
        | RoleOutcome::StillOn => OperationMode::Maintenance,
        RoleOutcome::Unfinished | RoleOutcome::NotBegun => OperationMode::Unknown,
    }
}

/// How it stands after that.
fn after(outcome: RoleOutcome) -> OperationMode {
    match outcome {
        RoleOutcome::TurnedOff | RoleOutcome::AlreadyOff => OperationMode::Normal,
        RoleOutcome::TurnedOn
        | RoleOutcome::AlreadyOn
        | RoleOutcome::OptionsUpdated
        | RoleOutcome::LeftOn
        | RoleOutcome::StillOn => OperationMode::Maintenance,
        RoleOutcome::Unfinished | RoleOutcome::NotBegun => OperationMode::Unknown,
    }
}

fn left_of(app: &App, action: Action, role: &RoleReport) -> Vec<String> {
    let place = format!("{app} {}", role.role);
    let mut left = Vec::new();
    if let Some(workers) = &role.workers {
        let failed = workers.failed.iter();
        left.extend(failed.map(|it| format!("{place}: {}: {}", it.function, it.error)));
        let unfinished = workers.unfinished.iter();
        left.extend(unfinished.map(|name| format!("{place}: {name} was not finished")));
        if action == Action::On {
            let drifted = workers.drifted.iter();
            left.extend(drifted.map(|drift| {
                let (function, setting, now) = (&drift.function, &drift.setting, &drift.now);
                format!("{place}: {function}: another client set its {setting} to {now}")
            }));
        }
    }
    if left.is_empty() {
        left.push(match role.outcome {
            RoleOutcome::StillOn => format!("{place} stays on until every function is restored"),
            RoleOutcome::NotBegun => format!("{place} was not begun"),
            _ => format!("{place} was not finished"),
        });
    }
    left
}

fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

impl Problem {
    /// A change of a role of this app that is not allowed. `since` as in [`of_error`](Self::of_error).
    #[must_use]
    pub fn of_refusal(app: &App, role: &Role, refusal: &Refusal, since: Option<Timestamp>) -> Self {
        refused(app, role, refusal, since).with("app", app.to_string())
    }

    /// An error of an operation on this app, or of reading it. `since` says when the window that another owner
    /// holds was opened, UTC.
    #[must_use]
    pub fn of_error(app: &App, error: &Error, since: Option<Timestamp>) -> Self {
        let at = |problem: Self| problem.with("app", app.to_string());
        match error {
            Error::Refused { role, source } => Self::of_refusal(app, role, source, since),
            Error::Busy(Holder {
                by,
                operation,
                since,
                until,
            }) => {
                let wait = until.duration_since(Timestamp::now()).as_secs().max(1);
                let detail = format!(
                    "{app}: another operation is running: {operation} by {by}, since {since}. Wait until it ends; \
                     if it has died, this request works after {until}"
                );
                let holder = json!({
                    "by": by,
                    "operation": operation,
                    "sinceUtc": since.to_string(),
                    "untilUtc": until.to_string(),
                });
                at(Self::new(Code::Busy, detail).with("holder", holder))
                    .retry_after(u32::try_from(wait).unwrap_or(1))
            }
            Error::LeaseLost { .. } => {
                let what = in_full(error);
                let hint = error.hint().map(|hint| format!(" To mend it: {hint}."));
                let hint = hint.unwrap_or_default();
                let detail =
                    format!("{app}: {what}.{hint} Send the same request again: it continues");
                at(Self::new(Code::Partial, detail))
            }
            Error::Unfinished { source, .. } => Self::of_error(app, source, since),
            Error::NoFunctions { looked_for, .. } => at(Self::new(
                Code::Unprocessable,
                format!(
                    "{app}: {error}; looked for {looked_for}. Check the functions, exclude and tags of the role \
                     in maintenance.toml"
                ),
            )),
            Error::EventsLost { .. } => at(Self::of_losses([(app, error)])),
            Error::OtherProduct {
                role,
                product,
                owner,
                since,
            } => at(of_another(app, role, product, owner.as_ref(), *since)),
            Error::Store(StoreError::Halted(_)) | Error::Lambda(LambdaError::Halted(_)) => {
                at(Self::new(
                    Code::Timeout,
                    format!(
                        "{app}: the server stopped reading before it was done, and nothing was changed. Ask for one \
                         role at a time, or send the same request again later"
                    ),
                ))
            }
            Error::Unsavable(_) => at(with_hint(Code::Unprocessable, app, error)),
            Error::TooLarge { source, .. } => at(Self::new(
                Code::Unprocessable,
                format!("{app}: {error}: {source}. Shorten the reason or the message"),
            )),
            Error::Store(_) | Error::Lambda(_) => at(with_hint(Code::Aws, app, error)),
            // What is stored or configured is wrong, and no request can be otherwise: the log and the hint
            // are for the people who run the server.
            _ => at(with_hint(Code::Internal, app, error)),
        }
    }
}

impl Problem {
    /// The functions of each app whose events would be lost. Other errors are left out.
    fn of_losses<'a>(failed: impl IntoIterator<Item = (&'a App, &'a Error)>) -> Self {
        let (mut details, mut all) = (Vec::new(), Vec::new());
        for (app, error) in failed {
            let Error::EventsLost { functions } = error else {
                continue;
            };
            let names: Vec<_> = functions.iter().map(|it| it.function.as_str()).collect();
            details.push(format!("{app}: {error} ({})", names.join(", ")));
            all.extend(functions.iter().map(|events| {
                let mut function = value(&EventsResult::from(events));
                function["app"] = app.to_string().into();
                function
            }));
        }
        let detail = format!(
            "{}. Give each function a dead-letter queue or an on-failure destination, or send \
             \"acceptEventLoss\": true to allow it",
            details.join("; ")
        );
        Self::new(Code::EventsLost, detail).with("functions", all)
    }
}

fn with_hint(code: Code, app: &App, error: &Error) -> Problem {
    let what = in_full(error);
    Problem::new(
        code,
        match error.hint() {
            Some(hint) => format!("{app}: {what}. To mend it: {hint}"),
            None => format!("{app}: {what}. Send the same request again later"),
        },
    )
}

fn refused(app: &App, role: &Role, refusal: &Refusal, since: Option<Timestamp>) -> Problem {
    match refusal {
        Refusal::Conflict { holder } => owner(app, role, holder, since),
        Refusal::NoEnd => Problem::new(
            Code::Unprocessable,
            format!(
                "{app}: the {role} role opens by itself at the end of its window, and this one has none ahead. \
                 Send \"until\""
            ),
        ),
        Refusal::Overlaps(other) => Problem::new(
            Code::Overlap,
            format!(
                "{app}: the window would be open at the same time as {other}. Choose another time, or move or cancel \
                 that one"
            ),
        )
        .with("role", role.as_str())
        .with(
            "other",
            json!({
                "window": other.window.as_ref().map(ToString::to_string),
                "startsAt": other.starts_at.map(|at| at.to_string()),
                "until": other.until.map(|at| at.to_string()),
                "recurring": other.recurring,
            }),
        ),
        Refusal::HasBegun { .. } => Problem::new(
            Code::Begun,
            format!("{app}: {refusal}. End it with {{\"mode\": \"Normal\"}}"),
        ),
        Refusal::NotScheduled { .. } => Problem::new(
            Code::NotFound,
            format!("{app}: {refusal}. Look at its schedule: it may have been cancelled, or be over"),
        ),
        Refusal::StartsInPast { .. } | Refusal::EndsFirst { .. } | Refusal::TooMany { .. } => {
            Problem::new(Code::Unprocessable, format!("{app}: {refusal}"))
        }
        _ => Problem::new(
            Code::Internal,
            format!("{app}: {refusal}. Upgrade the server, then send the same request again"),
        ),
    }
}

/// The window belongs to a product that the caller may not change.
fn of_another(
    app: &App,
    role: &Role,
    product: &Product,
    owner: Option<&Owner>,
    since: Option<Timestamp>,
) -> Problem {
    let detail = format!(
        "{app}: the {role} window was opened for the product {product}, and the token is limited to other products. \
         A token for {product} ends or changes it"
    );
    let mut problem = Problem::new(Code::Owner, detail)
        .with("role", role.as_str())
        .with("product", product.as_str());
    if let Some(owner) = owner {
        let owner = json!({"kind": owner.kind.as_str(), "name": owner.name});
        problem = problem.with("owner", owner);
    }
    match since {
        Some(since) => problem.with("sinceUtc", since.to_string()),
        None => problem,
    }
}

/// Another owner holds the window.
fn owner(app: &App, role: &Role, holder: &Owner, since: Option<Timestamp>) -> Problem {
    let opened = since.map_or_else(String::new, |since| format!(" since {since}"));
    let name = &holder.name;
    let detail = match holder.kind {
        OwnerKind::Observer => format!(
            "{app}: the observer {name} holds the {role} window{opened}. It ends the window when it sees that all is \
             normal; a person with scope write may override it with \"force\": true and a \"reason\""
        ),
        OwnerKind::Manual => format!(
            "{app}: {name} opened the {role} window{opened}. A person ends it; an observer cannot"
        ),
    };
    let problem = Problem::new(Code::Owner, detail)
        .with("owner", json!({"kind": holder.kind.as_str(), "name": name}))
        .with("role", role.as_str());
    match since {
        Some(since) => problem.with("sinceUtc", since.to_string()),
        None => problem,
    }
}
