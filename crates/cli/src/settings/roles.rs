//! The roles there are, which functions each selects, and which one is asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use maintenance_control::{Drain, RoleSpec, Selection};
use maintenance_flag::{NameError, Role};

use crate::failure::Failure;
use crate::suggest;

use super::file::{ConfigFile, RoleTable};
use super::source::{Source, Sourced};
use super::window::Standing;

/// A role and the functions it selects, as configured.
#[derive(Debug, Clone)]
pub(crate) struct RoleSettings {
    pub(crate) role: Role,
    pub(crate) functions: Option<Sourced<Vec<String>>>,
    pub(crate) exclude: Option<Sourced<Vec<String>>>,
    pub(crate) tags: Option<Sourced<BTreeMap<String, String>>>,
    pub(crate) ttl: Option<Sourced<Duration>>,
    pub(crate) timeout: Option<Sourced<Duration>>,
    pub(crate) standing: Standing,
}

impl RoleSettings {
    fn new(role: Role) -> Self {
        Self {
            role,
            functions: None,
            exclude: None,
            tags: None,
            ttl: None,
            timeout: None,
            standing: Standing::default(),
        }
    }

    /// The role as the control plane takes it.
    pub(crate) fn spec(&self) -> Result<RoleSpec, Failure> {
        let texts = |list: &Option<Sourced<Vec<String>>>| {
            list.as_ref()
                .map(|list| list.value.clone())
                .unwrap_or_default()
        };
        let functions = if self.functions.is_none() && self.tags.is_none() {
            None
        } else {
            let tags = self
                .tags
                .as_ref()
                .map(|tags| tags.value.clone())
                .unwrap_or_default();
            let selection = Selection::new(&texts(&self.functions), &texts(&self.exclude), tags);
            Some(selection.map_err(|error| {
                let failure = Failure::usage(format!(
                    "the functions of the {} role cannot be used",
                    self.role
                ))
                .caused_by(&error);
                match &self.functions {
                    Some(functions) => failure.hint(format!("see {}", functions.source)),
                    None => failure,
                }
            })?)
        };
        Ok(RoleSpec {
            role: self.role.clone(),
            functions,
            drain: Drain {
                ttl: self
                    .ttl
                    .as_ref()
                    .map_or(Drain::default().ttl, |ttl| ttl.value),
                timeout: self.timeout.as_ref().map(|timeout| timeout.value),
            },
            options: self.standing.options(),
        })
    }
}

/// A broken naming rule: what, which rule, and where it came from.
pub(super) fn bad_name<'a>(text: &'a str, from: &'a Source) -> impl Fn(NameError) -> Failure + 'a {
    move |error| {
        let shown: String = text.chars().take(80).collect();
        Failure::usage(format!("{} {shown:?} is not valid", error.what()))
            .cause(error.rule())
            .hint(format!("it comes from {from}"))
    }
}

/// The roles web and worker, which always exist, then the others.
pub(super) fn known_roles(file: Option<&ConfigFile>) -> Result<Vec<RoleSettings>, Failure> {
    let mut roles = vec![
        RoleSettings::new(Role::web()),
        RoleSettings::new(Role::worker()),
    ];
    let tables = file.map(|file| &file.roles).into_iter().flatten();
    for (
        name,
        Sourced {
            value: table,
            source,
        },
    ) in tables
    {
        let role: Role = name.parse().map_err(bad_name(name, source))?;
        let RoleTable {
            functions,
            exclude,
            tags,
            ttl,
            timeout,
            standing,
        } = table.clone();
        let settings = RoleSettings {
            role,
            functions,
            exclude,
            tags,
            ttl,
            timeout,
            standing,
        };
        match roles.iter_mut().find(|known| known.role == settings.role) {
            Some(known) => *known = settings,
            None => roles.push(settings),
        }
    }
    Ok(roles)
}

/// The role that is asked for and, if it is not configured, what is wrong with that unless the store knows
/// it.
pub(super) fn asked_role(
    role: Option<Sourced<String>>,
    roles: &[RoleSettings],
) -> Result<(Sourced<Role>, Option<Failure>), Failure> {
    let Some(role) = role else {
        let web = Sourced::new(Role::web(), Source::Default("default"));
        return Ok((web, None));
    };
    let mut unknown = None;
    let role = role.try_map(|text, from| {
        let known: Vec<&str> = roles.iter().map(|role| role.role.as_str()).collect();
        let role: Role = text.parse().map_err(|error| {
            bad_name(&text, from)(error).hint(suggest::hint(&text, &known, "the roles are"))
        })?;
        if !known.contains(&role.as_str()) {
            let failure = Failure::usage(format!("there is no role {role}")).cause(format!(
                "the roles are {}, and {from} names another",
                known.join(", ")
            ));
            unknown = Some(failure.hint(match suggest::nearest(role.as_str(), known) {
                Some(word) => format!("did you mean {word}?"),
                None => format!("add [roles.{role}] to the configuration file"),
            }));
        }
        Ok::<_, Failure>(role)
    })?;
    Ok((role, unknown))
}
