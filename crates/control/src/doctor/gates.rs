//! The gates of the site: whether one answers, and whether the environment of their functions agrees with this
//! command.

use std::time::Duration;

use maintenance_flag::{Parameters, Prefix, Role};

use super::{Checks, Surroundings};
use crate::control::Control;
use crate::describe;
use crate::fleet::GateFunction;
use crate::report::{Advice, RoleStatus, State};
use crate::request::RoleSpec;
use crate::text::in_full;

/// How long the site may take for an answer.
const VISIT: Duration = Duration::from_secs(10);

impl Control {
    /// What the functions say that have the variables of a gate of this app. `paused` are those that roles select.
    pub(super) async fn check_gates(
        &self,
        roles: &[RoleSpec],
        paused: &[String],
        surroundings: Surroundings<'_>,
        checks: &mut Checks,
    ) {
        let name = "gates";
        let not_checked = "the settings of gates, such as their TTL";
        if surroundings.identity.is_none() {
            let text = format!("{not_checked}: no AWS is asked");
            return checks.not_checked(name, None, text, None::<Advice>);
        }
        let gates = match self.fleet.gates(&self.app).await {
            Ok(gates) => gates,
            Err(error) => {
                let text = format!("{not_checked}: {}", in_full(&error));
                return checks.not_checked(name, None, text, error.hint());
            }
        };
        if !gates.hidden.is_empty() {
            let text = format!(
                "{not_checked}, of functions whose environment may not be decrypted: {}",
                describe::functions(gates.hidden.len())
            );
            let hint = "allow kms:Decrypt on the keys of their environments to have this checked";
            checks.not_checked(name, None, text, Some(hint));
        }
        if gates.found.is_empty() && gates.hidden.is_empty() {
            let (app, env) = (self.app.name(), self.app.env());
            let text = format!(
                "{not_checked}: no function here has MAINTENANCE_APP={app} and MAINTENANCE_ENV={env} in its environment"
            );
            checks.not_checked(name, None, text, Some(Advice::CompareGates));
        }
        for gate in &gates.found {
            self.check_gate_function(gate, roles, paused, surroundings, checks);
        }
    }

    fn check_gate_function(
        &self,
        gate: &GateFunction,
        roles: &[RoleSpec],
        paused: &[String],
        surroundings: Surroundings<'_>,
        checks: &mut Checks,
    ) {
        let (name, function) = ("gates", &gate.name);
        let mut wrong = Vec::new();
        let mut add = |is_fatal: bool, text: String, advice: Advice| {
            wrong.push((is_fatal, format!("{function}: {text}"), advice));
        };
        let not_valid = |variable: &str, value: &str| {
            format!("{variable} {value:?} is not valid, and its handler does not start")
        };
        let role = gate.variable("MAINTENANCE_ROLE").unwrap_or("web");
        let role = role.parse::<Role>().map_err(|_| role);
        let spec = match &role {
            Ok(role) => roles.iter().find(|spec| spec.role == *role),
            Err(_) => None,
        };
        match &role {
            Err(value) => add(
                true,
                not_valid("MAINTENANCE_ROLE", value),
                format!("correct MAINTENANCE_ROLE of {function}").into(),
            ),
            Ok(role) if spec.is_none() && surroundings.has_all_roles => add(
                false,
                format!("its gate follows the role {role}, which is not configured here"),
                Advice::AddRole {
                    role: role.clone(),
                    function: function.clone(),
                },
            ),
            Ok(role) => {
                if let Some((what, advice)) = self.elsewhere(gate, role) {
                    add(true, what, advice);
                }
            }
        }
        let ttl = gate.ttl();
        match ttl {
            Err((variable, value)) => add(
                true,
                not_valid(variable, value),
                format!("correct {variable} of {function}").into(),
            ),
            Ok(ttl) => {
                if let Some(spec) = spec.filter(|spec| spec.drain.ttl < ttl) {
                    let (known, ttl) = (spec.drain.ttl.as_secs(), ttl.as_secs());
                    add(
                        false,
                        format!(
                            "its gate relies on the flag for {ttl} s, and {known} s are configured here: the moment from which it is safe to migrate is too early"
                        ),
                        Advice::SetTtl(spec.role.clone(), ttl),
                    );
                }
            }
        }
        let longest = spec.and_then(|spec| spec.drain.timeout.map(|known| (spec, known)));
        if let Some((spec, known)) = longest.filter(|(_, known)| *known < gate.timeout) {
            let (known, timeout) = (known.as_secs(), gate.timeout.as_secs());
            add(
                false,
                format!(
                    "its timeout is {timeout} s, and {known} s are configured here: the moment from which it is safe to migrate is too early"
                ),
                Advice::SetTimeout(spec.role.clone(), timeout),
            );
        }
        // One that follows the role of workers is no web handler.
        if paused.contains(function) && spec.is_none_or(|spec| spec.functions.is_none()) {
            add(
                false,
                "it has a gate, and a role selects it: while it is paused, visitors get 429 from AWS and not its page".to_owned(),
                format!("exclude {function} from the functions of that role").into(),
            );
        }
        if let (true, Ok(role), Ok(ttl)) = (wrong.is_empty(), &role, ttl) {
            let text = format!(
                "{function} follows {role}, and relies on the flag for {} s",
                ttl.as_secs()
            );
            checks.ok(name, None, text);
        }
        for (is_fatal, text, advice) in wrong {
            match is_fatal {
                true => checks.failed(name, None, text, Some(advice)),
                false => checks.warning(name, None, text, Some(advice)),
            }
        }
    }

    /// Whether a gate reads another parameter than this command writes, and what to do.
    fn elsewhere(&self, gate: &GateFunction, role: &Role) -> Option<(String, Advice)> {
        let store = gate.variable("MAINTENANCE_STORE").unwrap_or("ssm");
        let is_of_aws = ["ssm", "extension"].contains(&store);
        if is_of_aws != self.store.is_of_aws() {
            let what = format!("its gate reads its flag from another store, {store}");
            return Some((what, Advice::SameStore(gate.name.clone())));
        }
        if !is_of_aws {
            return None;
        }
        let prefix = gate
            .variable("MAINTENANCE_PREFIX")
            .map(str::parse::<Prefix>);
        let advice = Advice::SamePrefix(gate.name.clone());
        match prefix.unwrap_or_else(|| Ok(Prefix::default())) {
            Err(error) => Some((format!("MAINTENANCE_PREFIX is not valid: {error}"), advice)),
            Ok(prefix) => {
                let read = Parameters::new(&prefix, &self.app).flag(role);
                let written = self.names.flag(role);
                let what = format!("its gate reads {read}, and the flag is at {written}");
                (read != written).then_some((what, advice))
            }
        }
    }

    /// Whether the site has a gate that answers.
    pub(super) async fn check_gate(
        &self,
        surroundings: Surroundings<'_>,
        flags: &[RoleStatus],
        checks: &mut Checks,
    ) {
        let Some(url) = surroundings.url else {
            let text = "whether the site has a gate: where it is, is not known";
            return checks.not_checked("gate", None, text, Some(Advice::SetUrl));
        };
        let mut flags = flags.iter();
        let is_on = flags.any(|it| it.role == Role::web() && it.state == State::On);
        let visit = tokio::time::timeout(VISIT, surroundings.visitor.head(url)).await;
        let visit = match visit {
            Ok(visit) => visit.map_err(|error| in_full(error.as_ref())),
            Err(_) => Err(format!("no answer in {} s", VISIT.as_secs())),
        };
        match visit {
            Err(error) => {
                let text = format!("{url} could not be reached: {error}");
                checks.warning("gate", None, text, Some(Advice::CheckUrl));
            }
            Ok(visit) if visit.is_refused && is_on => {
                checks.ok(
                    "gate",
                    None,
                    format!("{url} is in maintenance: its gate answers"),
                );
            }
            Ok(visit) if visit.is_refused => {
                let text = format!("the gate of {url} refuses requests, and the flag is off");
                let hint = "a gate follows within its TTL: try again; else check MAINTENANCE_APP, _ENV, _ROLE, _STORE and _PREFIX of its handler";
                checks.warning("gate", None, text, Some(hint));
            }
            Ok(visit) if is_on => {
                let text = format!(
                    "{url} answers {}, and no gate refuses, though the flag is on",
                    visit.status
                );
                let hint = "check that its handler has the gate, and that MAINTENANCE_APP, _ENV, _ROLE, _STORE and _PREFIX there name this app";
                checks.failed("gate", None, text, Some(hint));
            }
            Ok(visit) => {
                let text = format!(
                    "whether {url} has a gate shows only while maintenance is on; it answers {}",
                    visit.status
                );
                checks.not_checked("gate", None, text, None::<Advice>);
            }
        }
    }
}
