//! What could not be read of how things stand, as a failure with its causes and what to do next.

use maintenance_control::{Part, RoleStatus, State, Unread, Workers};

use crate::error::{AGAIN, CliError};
use crate::exit_code::Outcome;

use super::operation::functions;

/// What to do about a malformed flag.
const WRITE_A_VALID_ONE: &str = "gates keep the last state they read; `maintenance on` or `maintenance off` writes a valid flag";

/// What of these roles could not be read, or is malformed, if anything: their names, and why.
pub(crate) fn unread_of(roles: &[RoleStatus], outcome: Outcome) -> Option<CliError> {
    let troubled = |role: &&RoleStatus| role.state == State::Malformed || !role.unread.is_empty();
    let troubled: Vec<&RoleStatus> = roles.iter().filter(troubled).collect();
    if troubled.is_empty() {
        return None;
    }
    let mut failure = CliError::new(outcome, headline(&troubled));
    for role in &troubled {
        let name = |cause: &str| match troubled.len() {
            1 => cause.to_owned(),
            _ => format!("{}: {cause}", role.role),
        };
        if role.state == State::Malformed {
            for warning in &role.warnings {
                failure = failure.cause(name(&warning.to_string()));
            }
            failure = failure.hint_once(WRITE_A_VALID_ONE);
        }
        for Unread {
            function,
            error,
            hint,
            ..
        } in &role.unread
        {
            failure = failure.cause(match function {
                Some(function) => format!("{function}: {error}"),
                None => name(error),
            });
            failure = failure.hint_once(hint.as_deref().unwrap_or(AGAIN));
        }
    }
    Some(failure)
}

/// `the flag of the web role is malformed, and the saved settings of the worker role could not be read`.
fn headline(roles: &[&RoleStatus]) -> String {
    let of = |is: &dyn Fn(&RoleStatus) -> bool| -> Vec<&str> {
        let roles = roles.iter().filter(|role| is(role));
        roles.map(|role| role.role.as_str()).collect()
    };
    let part = |part: Part| {
        of(&|role| {
            let mut unread = role.unread.iter();
            unread.any(|it| it.part == part && it.function.is_none())
        })
    };
    let named = |role: &RoleStatus| {
        role.unread
            .iter()
            .filter(|it| it.function.is_some())
            .count()
    };
    let single = roles.iter().map(|role| named(role)).sum();
    let unread = "could not be read";
    let parts = [
        (
            "the flag".to_owned(),
            of(&|role| role.state == State::Malformed),
            "is malformed",
        ),
        ("the flag".to_owned(), part(Part::Flag), unread),
        ("the saved settings".to_owned(), part(Part::Saved), unread),
        ("the functions".to_owned(), part(Part::Functions), unread),
        (functions(single), of(&|role| named(role) > 0), unread),
    ];
    let told = parts
        .into_iter()
        .filter(|(_, roles, _)| !roles.is_empty())
        .map(|(what, roles, ends)| format!("{what} of {} {ends}", in_words(&roles)));
    told.collect::<Vec<_>>().join(", and ")
}

/// `the web role`, `the web, mail and search roles`.
fn in_words(roles: &[&str]) -> String {
    match roles {
        [rest @ .., last] if !rest.is_empty() => {
            format!("the {} and {last} roles", rest.join(", "))
        }
        _ => format!("the {} role", roles.concat()),
    }
}

/// The functions that are not in the table of `workers`, if any, since they could not be read.
pub(crate) fn unread_workers(workers: &Workers) -> Option<CliError> {
    if workers.unread.is_empty() {
        return None;
    }
    let message = format!("{} could not be read", functions(workers.unread.len()));
    let failure = CliError::failed(message);
    Some(workers.unread.iter().fold(failure, |failure, unread| {
        failure
            .cause(format!("{}: {}", unread.function, unread.error))
            .hint_once(unread.hint.as_deref().unwrap_or(AGAIN))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, state: State, unread: Vec<Unread>) -> RoleStatus {
        RoleStatus {
            role: name.parse().unwrap(),
            state,
            flag: None,
            scheduled: Vec::new(),
            is_open_by_time: false,
            workers: None,
            warnings: Vec::new(),
            unread,
        }
    }

    fn unread(part: Part, function: Option<&str>) -> Unread {
        Unread {
            part,
            function: function.map(str::to_owned),
            error: "denied".to_owned(),
            hint: Some("allow it".to_owned()),
        }
    }

    #[test]
    fn what_could_be_read_is_no_problem() {
        let roles = [role("web", State::On, vec![])];
        assert_eq!(unread_of(&roles, Outcome::Failed), None);
    }

    #[test]
    fn every_role_and_every_part_is_named_and_each_hint_is_given_once() {
        let functions = |names: &[&str]| {
            let each = names.iter();
            each.map(|name| unread(Part::Functions, Some(name)))
                .collect()
        };
        let roles = [
            role("web", State::Malformed, vec![]),
            role("api", State::Unknown, vec![unread(Part::Flag, None)]),
            role("mail", State::On, vec![unread(Part::Functions, None)]),
            role("search", State::On, vec![unread(Part::Functions, None)]),
            role("worker", State::On, functions(&["a", "b"])),
        ];
        let failure = unread_of(&roles, Outcome::On).unwrap();
        assert_eq!(failure.outcome(), Outcome::On);
        assert_eq!(
            failure.message(),
            "the flag of the web role is malformed, and the flag of the api role could not be read, \
             and the functions of the mail and search roles could not be read, and 2 functions of \
             the worker role could not be read"
        );
        assert_eq!(
            failure.causes(),
            [
                "api: denied",
                "mail: denied",
                "search: denied",
                "a: denied",
                "b: denied"
            ]
        );
        assert_eq!(failure.hints(), [WRITE_A_VALID_ONE, "allow it"]);
    }
}
