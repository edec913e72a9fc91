//! The roles there are, which functions each selects, and which one is selected.

use std::time::Duration;

use maintenance_control::{Drain, RoleSpec, Selection};
use maintenance_flag::{Change, Options, Role};
use serde_json::Value;

use crate::error::CliError;
use crate::suggest;

use super::file::{RoleTable, Section};
use crate::source::{Source, Sourced};
use crate::values::{NonEmpty, Parsed, Seconds};

/// A role and the functions it selects, as configured.
#[derive(Debug, Clone)]
pub(crate) struct RoleSettings {
    pub(crate) role: Role,
    pub(crate) functions: Option<Sourced<Vec<String>>>,
    /// Where its bypass link leads.
    pub(crate) url: Option<String>,
    /// What the configuration file says of it, as written.
    pub(crate) keys: Vec<(String, Sourced<Value>)>,
    table: RoleTable,
}

impl RoleSettings {
    fn new(role: Role) -> Self {
        Self {
            role,
            functions: None,
            url: None,
            keys: Vec::new(),
            table: RoleTable::default(),
        }
    }

    /// Whether it selects functions.
    pub(crate) fn selects_functions(&self) -> bool {
        self.functions.is_some() || self.table.tags.is_some()
    }

    /// The role as the control plane takes it.
    pub(crate) fn spec(&self) -> Result<RoleSpec, CliError> {
        let table = &self.table;
        let functions = self.selects_functions().then(|| {
            let functions = self.functions.as_ref().map(|it| it.value.clone());
            let tags = table.tags.as_ref().map(|tags| tags.0.clone());
            Selection::new(
                &functions.unwrap_or_default(),
                &texts(&table.exclude),
                tags.unwrap_or_default(),
            )
        });
        let functions = functions.transpose().map_err(|error| {
            let role = &self.role;
            CliError::usage(format!("the functions of the {role} role cannot be used"))
                .caused_by(&error)
                .hint("correct --function, or functions and exclude in the configuration file")
        })?;
        let default = Drain::default();
        let ttl = table.ttl.map(|Seconds(ttl)| Duration::from_secs(ttl));
        let timeout = table.timeout.map(|Seconds(it)| Duration::from_secs(it));
        Ok(RoleSpec {
            role: self.role.clone(),
            functions,
            drain: Drain {
                ttl: ttl.unwrap_or(default.ttl),
                timeout: timeout.or(default.timeout),
            },
            options: Options {
                message: change(table.message.as_ref().map(|message| message.0.0.clone())),
                addresses: change(table.allow_ip.as_ref().map(values)),
                paths: change(table.allow_path.as_ref().map(values)),
                ..Options::default()
            },
        })
    }
}

fn values<T: Clone>(list: &NonEmpty<Vec<Parsed<T>>>) -> Vec<T> {
    list.0.iter().map(|it| it.0.clone()).collect()
}

fn texts<T: Clone + ToString>(list: &Option<NonEmpty<Vec<Parsed<T>>>>) -> Vec<String> {
    let list = list.as_ref().map(values).unwrap_or_default();
    list.iter().map(ToString::to_string).collect()
}

fn change<T>(value: Option<T>) -> Change<T> {
    value.map_or(Change::Keep, Change::Set)
}

/// The roles web and worker, which always exist, then the others.
pub(super) fn configured_roles(
    section: Option<Section<'_>>,
) -> Result<Vec<RoleSettings>, CliError> {
    let mut roles = vec![
        RoleSettings::new(Role::web()),
        RoleSettings::new(Role::worker()),
    ];
    let Some(section) = section else {
        return Ok(roles);
    };
    for (name, table) in &section.table.roles {
        let role: Role = name.parse().map_err(|error: maintenance_flag::NameError| {
            CliError::usage(error.to_string()).hint(format!(
                "it comes from {}",
                section.source(&format!("roles.{name}"))
            ))
        })?;
        let key = format!("roles.{name}.functions");
        let functions = table.functions.is_some().then(|| texts(&table.functions));
        let settings = RoleSettings {
            functions: section.sourced(&key, functions),
            url: table.url.as_ref().map(|url| url.0.0.clone()),
            keys: section.role(name),
            table: table.clone(),
            role,
        };
        match roles.iter_mut().find(|known| known.role == settings.role) {
            Some(known) => *known = settings,
            None => roles.push(settings),
        }
    }
    Ok(roles)
}

/// The first of the roles that are named, and the others. Where there are several all have to be configured: of
/// those of a product an app has some.
pub(super) fn chosen_roles(
    named: &[Role],
    roles: &[RoleSettings],
    is_of_product: bool,
) -> Result<(Option<Role>, Vec<Role>), CliError> {
    let mut chosen: Vec<Role> = Vec::new();
    for role in named {
        if !chosen.contains(role) {
            chosen.push(role.clone());
        }
    }
    let is_known = |role: &Role| roles.iter().any(|known| known.role == *role);
    if chosen.len() > 1 {
        let unknown = chosen.iter().find(|role| !is_known(role));
        if let Some(unknown) = unknown.filter(|_| !is_of_product) {
            let flag = Source::Flag("--role".to_owned());
            let (_, error) = selected_role(Some(Sourced::new(unknown.clone(), flag)), roles);
            return error.map_or(Ok((None, Vec::new())), Err);
        }
        // The store knows no role of an app that has another of them.
        chosen.sort_by_key(|role| !is_known(role));
        let first = 1.max(chosen.iter().filter(|role| is_known(role)).count());
        chosen.truncate(first);
    }
    let mut chosen = chosen.into_iter();
    Ok((chosen.next(), chosen.collect()))
}

/// The role that is selected and, if it is not configured, the error, unless the store knows
/// it.
pub(super) fn selected_role(
    role: Option<Sourced<Role>>,
    roles: &[RoleSettings],
) -> (Sourced<Role>, Option<CliError>) {
    let Some(Sourced {
        value: role,
        source,
    }) = role
    else {
        return (Sourced::default(Role::web()), None);
    };
    let known: Vec<&str> = roles.iter().map(|role| role.role.as_str()).collect();
    let unknown = (!known.contains(&role.as_str())).then(|| {
        let all = known.join(", ");
        CliError::usage(format!("there is no role {role}"))
            .cause(format!("the roles are {all}, and {source} names another"))
            .hint(match suggest::nearest(role.as_str(), known) {
                Some(word) => format!("did you mean {word}?"),
                None => format!("add [roles.{role}] to the configuration file"),
            })
    });
    (Sourced::new(role, source), unknown)
}
