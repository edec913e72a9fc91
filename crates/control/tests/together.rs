//! Several apps turned on and off together, as a product is.

#[expect(dead_code, reason = "support that other tests use")]
mod support;

use maintenance_control::{
    AppRoles, BypassLink, Context, Control, Error, OffRequest, OnRequest, Report, RoleOutcome,
    RoleSpec, Selection, State, operate_together, plan_together,
};
use maintenance_flag::{App, Flag, Product};
use maintenance_sandbox::{Fault, FunctionSpec, Sandbox};
use support::OneApp as _;
use support::{app, control_of, off_wish, on_wish, sandbox, web, worker};

fn shop() -> Option<Product> {
    Some("shop".parse().unwrap())
}

fn enter() -> OnRequest {
    OnRequest {
        product: shop(),
        ..on_wish()
    }
}

fn leave() -> OffRequest {
    OffRequest {
        product: shop(),
        ..off_wish()
    }
}

/// `demo` and `billing`, each with web and two functions behind its worker role.
struct Shop {
    sandbox: Sandbox,
    demo: Control,
    billing: Control,
    demo_roles: Vec<RoleSpec>,
    billing_roles: Vec<RoleSpec>,
    quiet: Context<'static>,
}

impl Shop {
    fn new() -> Self {
        let sandbox = sandbox();
        for (name, reserved) in [("demo-dev-a", 5), ("demo-dev-b", 0), ("billing-dev-a", 7)] {
            sandbox.seed(FunctionSpec::new(name).reserved(reserved));
        }
        sandbox.seed(FunctionSpec::new("billing-dev-b"));
        let billing = App::new("billing", "dev").unwrap();
        let selection = Selection::new(&["billing-dev-*".to_owned()], &[], Default::default());
        let mut billing_worker = worker();
        billing_worker.functions = Some(selection.unwrap());
        Self {
            demo: control_of(app(), &sandbox, "ana@laptop"),
            billing: control_of(billing, &sandbox, "ana@laptop"),
            demo_roles: vec![web(), worker()],
            billing_roles: vec![web(), billing_worker],
            quiet: Context::quiet(),
            sandbox,
        }
    }

    fn apps(&self) -> [AppRoles<'_>; 2] {
        [
            AppRoles {
                control: &self.demo,
                roles: &self.demo_roles,
                context: &self.quiet,
            },
            AppRoles {
                control: &self.billing,
                roles: &self.billing_roles,
                context: &self.quiet,
            },
        ]
    }

    async fn on(&self, request: &OnRequest) -> Vec<Result<Report, Error>> {
        operate_together(&self.apps(), maintenance_control::Request::On(request)).await
    }

    async fn off(&self, request: &OffRequest) -> Vec<Result<Report, Error>> {
        operate_together(&self.apps(), maintenance_control::Request::Off(request)).await
    }

    async fn states(&self) -> Vec<State> {
        let mut states = Vec::new();
        for app in self.apps() {
            let status = app
                .control
                .status(app.roles, &Context::quiet())
                .await
                .unwrap();
            states.extend(status.roles.iter().map(|role| role.state));
        }
        states
    }

    fn flag(&self, name: &str) -> Flag {
        let parameters = self.sandbox.parameters();
        let stored = parameters.get(&format!("/maintenance/{name}"));
        stored.map_or_else(Flag::off, |it| Flag::decode(&it.value).unwrap())
    }

    /// What was written but for leases, in order.
    fn writes(&self) -> Vec<String> {
        let writes = self.sandbox.writes().into_iter();
        writes
            .filter_map(|it| it.call.target)
            .filter(|target| !target.contains("/lease/"))
            .collect()
    }
}

fn outcomes(results: &[Result<Report, Error>]) -> Vec<RoleOutcome> {
    let reports = results.iter().map(|result| result.as_ref().unwrap());
    reports
        .flat_map(|report| report.roles.iter().map(|role| role.outcome))
        .collect()
}

fn place(writes: &[String], target: &str) -> usize {
    let place = writes.iter().rposition(|it| it == target);
    place.unwrap_or_else(|| panic!("{target} in {writes:?}"))
}

#[tokio::test(start_paused = true)]
async fn all_flags_turn_on_before_any_function_is_paused_and_off_after_all_are_restored() {
    let shop = Shop::new();
    let before = shop.sandbox.fleet();
    let on = shop.on(&enter()).await;
    assert_eq!(outcomes(&on), [RoleOutcome::TurnedOn; 4]);
    assert_eq!(shop.states().await, [State::On; 4]);
    let writes = shop.writes();
    let flags = ["demo-dev", "billing-dev"].map(|app| format!("/maintenance/{app}/flags/web"));
    let first_function = writes
        .iter()
        .position(|it| !it.starts_with("/maintenance/"));
    for flag in &flags {
        assert!(Some(place(&writes, flag)) < first_function, "{writes:?}");
    }
    assert_eq!(shop.flag("demo-dev/flags/web").product, crate::shop());

    shop.sandbox.reset_calls();
    let off = shop.off(&leave()).await;
    assert_eq!(
        outcomes(&off),
        [RoleOutcome::TurnedOff; 4],
        "functions first, in each report"
    );
    assert_eq!(shop.states().await, [State::Off; 4]);
    assert_eq!(shop.sandbox.fleet(), before);
    let writes = shop.writes();
    let last_function = writes
        .iter()
        .rposition(|it| !it.starts_with("/maintenance/"));
    for flag in &flags {
        assert!(Some(place(&writes, flag)) > last_function, "{writes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_that_was_on_by_itself_keeps_its_window_and_its_functions_stay_paused() {
    let shop = Shop::new();
    let quiet = Context::quiet();
    let (billing, roles) = (&shop.billing, &shop.billing_roles);
    billing.on(roles, &on_wish(), &quiet).await.unwrap();
    let window = shop.flag("billing-dev/flags/web");
    let request = OnRequest {
        reason: Some("the whole shop".to_owned()),
        ..enter()
    };
    let on = shop.on(&request).await;
    use RoleOutcome::{AlreadyOn, LeftOn, TurnedOff, TurnedOn};
    assert_eq!(outcomes(&on), [TurnedOn, TurnedOn, AlreadyOn, AlreadyOn]);
    assert_eq!(shop.flag("billing-dev/flags/web"), window);
    let off = shop.off(&leave()).await;
    assert_eq!(outcomes(&off), [TurnedOff, TurnedOff, LeftOn, LeftOn]);
    assert!(off.iter().all(|it| it.as_ref().unwrap().is_complete()));
    let left = off[1].as_ref().unwrap().roles[0].left.clone().unwrap();
    assert_eq!((left.owner, left.product), (window.owner.clone(), None));
    assert_eq!(off[0].as_ref().unwrap().roles[0].left, None);
    assert_eq!(shop.flag("billing-dev/flags/web"), window);
    let reserved = shop.sandbox.fleet()["billing-dev-a"].reserved;
    assert_eq!(reserved, Some(0));
    // Its own `off` gives back what it saved.
    billing.off(roles, &off_wish(), &quiet).await.unwrap();
    let reserved = shop.sandbox.fleet()["billing-dev-a"].reserved;
    assert_eq!(reserved, Some(7));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_one_app_changes_nothing_in_any() {
    let shop = Shop::new();
    let allowed = shop
        .sandbox
        .allow("billing-dev-a", None, "s3.amazonaws.com");
    allowed.unwrap();
    let plan = plan_together(&shop.apps(), maintenance_control::Request::On(&enter())).await;
    let shown = |report: &Report| {
        let workers = report.roles.iter().filter_map(|role| role.workers.as_ref());
        workers.flat_map(|it| it.events.clone()).collect::<Vec<_>>()
    };
    let events = plan.iter().flat_map(|it| shown(it.as_ref().unwrap()));
    assert!(events.into_iter().any(|it| it.is_lossy()));
    shop.sandbox.reset_calls();
    let on = shop.on(&enter()).await;
    assert!(matches!(on[1], Err(Error::EventsLost { .. })), "{on:?}");
    let first = on[0].as_ref().unwrap();
    assert!(!first.is_complete(), "a failure hides in no success");
    assert_eq!(outcomes(&on[..1]), [RoleOutcome::NotBegun; 2]);
    assert_eq!(shop.writes(), [""; 0]);
    assert_eq!(shop.states().await, [State::Off; 4]);
    // The leases were given back.
    let on = shop
        .on(&OnRequest {
            accept_event_loss: true,
            ..enter()
        })
        .await;
    assert_eq!(outcomes(&on), [RoleOutcome::TurnedOn; 4]);
}

#[tokio::test(start_paused = true)]
async fn what_would_be_lost_is_told_of_every_app_at_once() {
    let shop = Shop::new();
    for name in ["demo-dev-a", "billing-dev-a", "billing-dev-b"] {
        let allowed = shop.sandbox.allow(name, None, "s3.amazonaws.com");
        allowed.unwrap();
    }
    shop.sandbox.reset_calls();
    let lost = |result: &Result<Report, Error>| match result {
        Err(Error::EventsLost { functions }) => {
            functions.iter().map(|it| it.function.clone()).collect()
        }
        other => panic!("{other:?}"),
    };
    let on: Vec<Vec<String>> = shop.on(&enter()).await.iter().map(lost).collect();
    assert_eq!(
        on,
        [vec!["demo-dev-a"], vec!["billing-dev-a", "billing-dev-b"]]
    );
    assert_eq!(shop.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_is_being_operated_on_keeps_the_others_from_being_changed() {
    let shop = Shop::new();
    let hold = Fault::on("PutFunctionConcurrency")
        .target("demo-dev-a")
        .nth(1);
    let context = Context::quiet();
    let holder = control_of(app(), &shop.sandbox, "ben@desk");
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    let reached = gate.clone();
    shop.sandbox
        .inject(hold.hook(move |_| reached.notify_one()));
    let (request, roles) = (on_wish(), [web(), worker()]);
    let (other, on) = tokio::join!(holder.on(&roles, &request, &context), async {
        gate.notified().await;
        shop.on(&enter()).await
    });
    other.unwrap();
    let is_busy = on.iter().any(|it| matches!(it, Err(Error::Busy { .. })));
    assert!(is_busy, "{on:?}");
    assert!(!shop.flag("billing-dev/flags/web").mode.is_on());
}

#[tokio::test(start_paused = true)]
async fn one_apps_failure_stops_no_other_and_the_same_request_finishes_it() {
    let shop = Shop::new();
    let before = shop.sandbox.fleet();
    shop.on(&enter()).await;
    let put = Fault::on("PutFunctionConcurrency").target("billing-dev-a");
    shop.sandbox
        .inject(put.nth(1).always().fail(500, "ServiceException", "down"));
    let off = shop.off(&leave()).await;
    use RoleOutcome::{StillOn, TurnedOff};
    assert_eq!(outcomes(&off), [TurnedOff, TurnedOff, StillOn, StillOn]);
    shop.sandbox.clear_faults();
    let off = shop.off(&leave()).await;
    use RoleOutcome::AlreadyOff;
    assert_eq!(
        outcomes(&off),
        [AlreadyOff, AlreadyOff, TurnedOff, TurnedOff]
    );
    assert_eq!(shop.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn a_bypass_link_of_a_product_is_hashed_for_each_app() {
    let shop = Shop::new();
    let link = BypassLink {
        token: maintenance_flag::Token::from_random([7; maintenance_flag::Token::LEN]),
        until: support::start() + std::time::Duration::from_secs(3600),
    };
    let request = OnRequest {
        link: Some(link),
        ..enter()
    };
    shop.on(&request).await;
    let [demo, billing] =
        ["demo-dev", "billing-dev"].map(|app| shop.flag(&format!("{app}/flags/web")).bypass);
    assert!(demo.is_some() && demo != billing);
}

#[tokio::test(start_paused = true)]
async fn the_web_flags_of_all_apps_turn_on_before_other_flags_and_off_in_the_reverse_order() {
    let mut shop = Shop::new();
    for roles in [&mut shop.demo_roles, &mut shop.billing_roles] {
        roles[1].functions = None;
    }
    let flags = |app: &str, role: &str| format!("/maintenance/{app}-dev/flags/{role}");
    let mut order = vec![
        flags("demo", "web"),
        flags("billing", "web"),
        flags("demo", "worker"),
        flags("billing", "worker"),
    ];
    shop.on(&enter()).await;
    assert_eq!(shop.writes(), order);
    shop.sandbox.reset_calls();
    shop.off(&leave()).await;
    order.reverse();
    assert_eq!(shop.writes(), order);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_flag_does_not_keep_a_product_on() {
    let shop = Shop::new();
    shop.on(&enter()).await;
    let name = "/maintenance/demo-dev/flags/web";
    shop.sandbox.set_parameter(name, "{\"schema\":99");
    let off = shop.off(&leave()).await;
    assert_eq!(outcomes(&off), [RoleOutcome::TurnedOff; 4]);
    assert_eq!(shop.states().await, [State::Off; 4]);
}
