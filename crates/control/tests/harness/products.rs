//! Two apps of one product, killed at every call of `on` and `off` and finished by the same request again,
//! beside an app that was on by itself.

use std::sync::Arc;

use aws_credential_types::Credentials;
use maintenance_control::{
    AppRoles, Clock, Context, Control, Error, Fleet as Lambda, OffRequest, OnRequest, RateLimiter,
    Report, RoleOutcome, RoleSpec, Selection, SsmStore, Store, operate_together,
};
use maintenance_flag::{App, Flag, Prefix, Product};
use maintenance_sandbox::{Fleet, FunctionSpec, MappingSpec, Sandbox, Settings};

use crate::crashes::{Operation, cut_each};
use crate::support::OneApp as _;
use crate::support::{self, off_wish, on_wish, web, worker};
use crate::wire::{Side, Wire};
use crate::world::{LEASE_IS_OVER, Violation};

const APPS: [&str; 2] = ["billing", "shop"];

fn product() -> Option<Product> {
    Some("everything".parse().expect("a good name"))
}

/// The roles of an app: web, and a worker role with its two functions.
fn roles(app: &str) -> [RoleSpec; 2] {
    let functions = Selection::new(&[format!("{app}-dev-*")], &[], Default::default());
    let worker = RoleSpec {
        functions: Some(functions.expect("a good glob")),
        ..worker()
    };
    [web(), worker]
}

/// One process that operates on both apps.
struct Operator {
    quiet: Context<'static>,
    wire: Arc<Wire>,
    controls: [Control; 2],
    roles: [[RoleSpec; 2]; 2],
}

impl Operator {
    fn new(sandbox: &Sandbox, by: &str) -> Self {
        let wire = Wire::new(sandbox, by, None, Arc::default(), None, None);
        let control = |app: &str| {
            let credentials = Credentials::from_keys(by, "secret", None);
            let clients = support::clients_over(&wire.http_client(), &credentials);
            let clock = Clock::virtual_from(sandbox.settings().clock.now());
            let store = Store::Ssm(SsmStore::new(clients.ssm));
            let lambda = Lambda::new(clients.lambda, RateLimiter::per_second(10.0))
                .with_identity(clients.identity);
            let app = App::new(app, "dev").expect("a good name");
            let control = Control::new(app, &Prefix::default(), store, lambda, by.to_owned());
            control.with_clock(clock)
        };
        Self {
            controls: APPS.map(control),
            roles: APPS.map(roles),
            quiet: Context::quiet(),
            wire,
        }
    }

    fn apps(&self) -> [AppRoles<'_>; 2] {
        let [first, second] = &self.controls;
        let [of_first, of_second] = &self.roles;
        [
            AppRoles {
                control: first,
                roles: of_first,
                context: &self.quiet,
            },
            AppRoles {
                control: second,
                roles: of_second,
                context: &self.quiet,
            },
        ]
    }

    async fn operate(&self, operation: Operation) -> Vec<Result<Report, Error>> {
        let apps = self.apps();
        match operation {
            Operation::On => {
                let request = OnRequest {
                    product: product(),
                    ..on_wish()
                };
                operate_together(&apps, maintenance_control::Request::On(&request)).await
            }
            Operation::Off => {
                let request = OffRequest {
                    product: product(),
                    ..off_wish()
                };
                operate_together(&apps, maintenance_control::Request::Off(&request)).await
            }
        }
    }
}

fn is_complete(results: &[Result<Report, Error>]) -> bool {
    let mut reports = results.iter().map(Result::as_ref);
    reports.all(|report| report.is_ok_and(Report::is_complete))
}

fn flag(sandbox: &Sandbox, app: &str, role: &str) -> Flag {
    let parameters = sandbox.parameters();
    let stored = parameters.get(&format!("/maintenance/{app}-dev/flags/{role}"));
    stored.map_or_else(Flag::off, |it| Flag::decode(&it.value).expect("a flag"))
}

/// Both apps as they were before, but for `own`, which is on by itself and stays so.
fn check(sandbox: &Sandbox, before: &Fleet, own: Option<&str>) -> Result<(), Violation> {
    let now = sandbox.fleet();
    for (name, function) in before {
        let is_own = own.is_some_and(|app| name.starts_with(app));
        if is_own && now[name].reserved != Some(0) {
            return Err(format!("{name} of an app that stays on runs"));
        }
        if !is_own && now[name] != *function {
            return Err(format!("{name} is {:?}, was {function:?}", now[name]));
        }
    }
    for app in APPS {
        for role in ["web", "worker"] {
            let is_on = flag(sandbox, app, role).mode.is_on();
            if is_on != (own == Some(app)) {
                return Err(format!("{role} of {app} is on: {is_on}"));
            }
        }
    }
    let saved = sandbox.parameters().into_keys();
    let mut saved = saved.filter(|name| name.contains("/capacity/"));
    let left = saved.find(|name| own.is_none_or(|own| !name.contains(own)));
    left.map_or(Ok(()), |name| Err(format!("{name} is left")))
}

/// Whether it was cut before it had ended.
async fn cut(
    operation: Operation,
    nth: u64,
    side: Side,
    own: Option<&str>,
) -> Result<bool, Violation> {
    let sandbox = Sandbox::new(Settings {
        clock: maintenance_sandbox::Clock::tokio_from(support::start()),
        ..Settings::quick()
    });
    for app in APPS {
        let fed = MappingSpec::sqs(&format!("{app}-mails"));
        sandbox.seed(FunctionSpec::new(&format!("{app}-dev-mail")).mapping(fed));
        sandbox.seed(FunctionSpec::new(&format!("{app}-dev-report")).reserved(7));
    }
    let before = sandbox.fleet();
    if let Some(own) = own {
        let ben = Operator::new(&sandbox, "ben");
        let apps = ben.apps();
        let app = apps.iter().find(|it| it.control.app().name() == own);
        let AppRoles { control, roles, .. } = app.expect("one of them");
        let on = control.on(roles, &on_wish(), &Context::quiet()).await;
        on.map_err(|error| error.to_string())?;
    }
    let window = own.map(|app| (app, flag(&sandbox, app, "web")));
    if operation == Operation::Off {
        Operator::new(&sandbox, "cleo").operate(Operation::On).await;
    }
    let ana = Operator::new(&sandbox, "ana");
    ana.wire.die_at(nth, side);
    let ended = ana.wire.until_death(ana.operate(operation)).await;
    if let Some(results) = &ended {
        if !is_complete(results) {
            return Err(format!("what was not cut is not complete: {results:?}"));
        }
    } else {
        tokio::time::advance(LEASE_IS_OVER).await;
        // Every other time it is given up instead.
        if (nth / 2).is_multiple_of(2) {
            let again = Operator::new(&sandbox, "dan").operate(operation).await;
            if !is_complete(&again) {
                return Err(format!("the same again is not complete: {again:?}"));
            }
        }
    }
    if let Some((app, window)) = window
        && flag(&sandbox, app, "web") != window
    {
        return Err(format!("the window of {app} is another's now"));
    }
    let off = Operator::new(&sandbox, "eve").operate(Operation::Off).await;
    if !is_complete(&off) {
        return Err(format!("off is not complete: {off:?}"));
    }
    let outcomes = off.iter().flatten().flat_map(|report| &report.roles);
    let left = outcomes.filter(|role| role.outcome == RoleOutcome::LeftOn);
    if left.count() != own.map_or(0, |_| 2) {
        return Err(format!("what stays on is not named: {off:?}"));
    }
    check(&sandbox, &before, own)?;
    Ok(ended.is_none())
}

#[test]
fn a_product_killed_at_any_call_is_finished_by_the_same_request_and_nothing_is_lost() {
    let operations = [Operation::On, Operation::Off];
    let cases = [None, Some(APPS[0])].map(|own| operations.map(|operation| (operation, own)));
    let cuts = cut_each(cases.as_flattened(), cut);
    println!("{} cuts of two apps together", cuts.iter().sum::<usize>());
    // Every other call is more than a call a function, a flag and a lease.
    assert!(cuts.iter().all(|cuts| *cuts > 10), "{cuts:?}");
}
