//! The console, as a browser without a script sees it.

#[path = "../support/answer.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod answer;
#[path = "../support/managed.rs"]
mod managed;
mod support;
#[path = "../support/turn_on.rs"]
mod turn_on;

use std::time::Duration;

use answer::Answer;
use jiff::Timestamp;
use maintenance_control::Actor;
use maintenance_flag::Scope;
use maintenance_sandbox::{Fault, FunctionSpec, MappingSpec};
use support::{Browser, Console, SHOP, app};

/// The largest page, bytes.
const MOST: usize = 50_000;

/// A form that enters maintenance, with what its page has shown.
async fn enter(browser: &mut Browser, more: &[(&str, &str)]) -> Answer {
    let page = format!("{SHOP}/enter");
    let shown = browser.get(&page).await.hidden("shown");
    let mut fields = vec![
        ("reason", "schema 42"),
        ("shown", &shown),
        ("accept_loss", "on"),
    ];
    fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    fields.extend(more);
    fields.retain(|(_, value)| !value.is_empty());
    browser.post(&page, &fields).await
}

/// Enters, and returns the path of the operation and its page once it has ended.
async fn entered(browser: &mut Browser, more: &[(&str, &str)]) -> (String, Answer) {
    let answer = enter(browser, more).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let path = answer.header("location").to_owned();
    let page = browser.when_done(&path).await;
    (path, page)
}

#[tokio::test(start_paused = true)]
async fn without_a_script_a_person_enters_watches_and_exits() {
    let console = Console::new();
    let before = console.sandbox.fleet();
    let mut ana = console.browser("ana", Scope::Write).await;

    let home = ana.get("/").await;
    home.says(&[
        "Products",
        "prod",
        "Shop",
        "Normal",
        "Version 2.4.1 · shop-prod, billing-prod",
        "dev",
    ]);
    let product = ana.get(SHOP).await;
    product.says(&[
        "Shop",
        "Normal",
        "Visitors are served",
        "2 functions: 2 running",
    ]);
    assert!(product.body.contains(&format!("href=\"{SHOP}/enter\"")));
    assert!(
        !product.body.contains(&format!("href=\"{SHOP}/exit\"")),
        "nothing to exit"
    );

    let ask = ana.get(&format!("{SHOP}/enter")).await;
    ask.says(&[
        "Nothing is changed before that",
        "Events will be lost",
        "web turns on",
        "worker turns on; 2 functions stop",
        "shop-prod-images events from s3.amazonaws.com will be LOST",
        "billing-prod-ledger events from events.amazonaws.com will be LOST",
        "shop-prod-mail messages from sqs shop-prod-mail wait in the queue",
        "billing-prod-pdf no triggers",
        "Not checked: invocations made through an IAM role",
        "Reason (required)",
        "I accept that the events above are lost",
    ]);
    assert_eq!(console.sandbox.fleet(), before, "looking changes nothing");

    let started = enter(&mut ana, &[("message", "Back at noon"), ("until", "2h")]).await;
    assert_eq!(started.status, 303, "{}", started.text());
    let path = started.header("location").to_owned();
    let working = ana.get(&path).await;
    working.says(&[
        "Entering maintenance: Shop",
        "by ana: schema 42",
        "It goes on if you close this page",
    ]);
    assert!(
        working
            .body
            .contains("<noscript><meta http-equiv=\"refresh\"")
    );
    let entered = ana.when_done(&path).await;
    let entry = path;
    entered.says_nothing_of(&["Since then", "Now:"]);
    entered.says(&[
        "Maintenance is on: Shop",
        "Normal → Maintenance",
        "Safe to migrate after",
        "Worker maintenance has been turned on",
        "2 functions paused: shop-prod-images, shop-prod-mail",
    ]);
    assert!(
        !entered.body.contains("http-equiv=\"refresh\""),
        "it is final"
    );

    let product = ana.get(SHOP).await;
    product.says(&[
        "Maintenance",
        "Held by ana",
        "Reason schema 42",
        "Expected end",
        "(in 2 h)",
        "Visitors are told: Back at noon",
        "2 functions: 2 paused",
    ]);

    let ask = ana.get(&format!("{SHOP}/exit")).await;
    ask.says(&[
        "Held by ana",
        "Source a person",
        "Reason schema 42",
        "worker turns off; 2 functions are restored",
        "billing-prod-ledger, billing-prod-pdf",
    ]);
    let (path, _) = ana.post_and_follow(&format!("{SHOP}/exit"), &[]).await;
    let exited = ana.when_done(&path).await;
    exited.says(&[
        "Maintenance is off: Shop",
        "Maintenance → Normal",
        "2 functions restored: shop-prod-images, shop-prod-mail",
    ]);
    exited.says_nothing_of(&["Since then", "Now:"]);
    assert_eq!(console.sandbox.fleet(), before);

    // The page of what came before tells what that did, and not how it stands now.
    let before = ana.get(&entry).await;
    before.says(&[
        "Maintenance was turned on: Shop",
        "Normal → Maintenance",
        "Since then: Normal",
        "2 functions paused: shop-prod-images, shop-prod-mail",
    ]);
    before.says_nothing_of(&["Next", "Exit maintenance", "Maintenance is on"]);
}

#[tokio::test(start_paused = true)]
async fn reason_is_required_and_sent_by_the_page() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let refused = enter(&mut ana, &[("reason", "")]).await;
    assert_eq!(refused.status, 422);
    refused.says(&["Nothing was changed", "The reason must not be empty."]);
    assert!(
        console
            .sandbox
            .parameters()
            .keys()
            .all(|name| !name.contains("/flags/"))
    );

    let (_, page) = entered(&mut ana, &[("reason", "a new database")]).await;
    page.says(&["Maintenance is on"]);
    for role in ["shop-prod/flags/web", "billing-prod/flags/worker"] {
        let stored = &console.sandbox.parameters()[&format!("/maintenance/{role}")];
        assert!(
            stored.value.contains("\"reason\":\"a new database\""),
            "{}",
            stored.value
        );
        assert!(
            stored.value.contains("\"product\":\"shop\""),
            "{}",
            stored.value
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_field_that_is_wrong_says_why_and_keeps_what_was_typed() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let long = "x".repeat(1025);
    for (field, typed, why) in [
        ("reason", "two\nlines", "The reason must be one line"),
        ("reason", "\u{202e}abc", "The reason must not hold U+202E"),
        (
            "message",
            &*long,
            "The message must be at most 1024 bytes, and has 1025",
        ),
        (
            "until",
            "soon",
            "The expected end must be a length of time such as 45m",
        ),
        ("until", "31d", "The expected end must end within 30 days"),
        ("read_only", "on", "A paused function cannot go on reading."),
    ] {
        let page = enter(&mut ana, &[(field, typed)]).await;
        assert_eq!(page.status, 422, "{field}: {}", page.text());
        page.says(&["Nothing was changed", why]);
        if field != "read_only" && !typed.contains('\n') {
            assert!(
                page.body.contains(&format!("value=\"{typed}\"")),
                "{field} {typed}"
            );
            assert!(page.body.contains("aria-invalid=\"true\""));
        }
    }
    let page = enter(&mut ana, &[("accept_loss", "")]).await;
    assert_eq!(page.status, 422);
    page.says(&["Events would be lost: accept it, or cancel."]);
    assert!(
        console
            .sandbox
            .parameters()
            .keys()
            .all(|name| !name.contains("/flags/"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_yes_is_one_to_what_was_shown() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let page = format!("{SHOP}/enter");
    let shown = ana.get(&page).await.hidden("shown");
    console
        .sandbox
        .seed(FunctionSpec::new("shop-prod-thumbs").invoked_by("sns.amazonaws.com"));
    let fields = [
        ("reason", "schema 42"),
        ("shown", &*shown),
        ("accept_loss", "on"),
    ];
    let again = ana.post(&page, &fields).await;
    assert_eq!(again.status, 409);
    again.says(&[
        "More would be lost than you saw",
        "shop-prod-thumbs events from sns.amazonaws.com will be LOST (no dead-letter queue, no failure destination) (new since you looked)",
        "shop-prod-images events from s3.amazonaws.com will be LOST (no dead-letter queue, no failure destination) shop-prod-thumbs",
    ]);
    assert!(
        again.body.contains("value=\"schema 42\""),
        "what was typed stays"
    );
    assert!(
        !again.body.contains("name=\"accept_loss\" required checked"),
        "it is to be accepted anew"
    );
    assert!(
        console
            .sandbox
            .parameters()
            .keys()
            .all(|name| !name.contains("/flags/"))
    );

    // Less is lost than was shown: that was accepted, too.
    let shown = again.hidden("shown");
    console
        .sandbox
        .seed(FunctionSpec::new("shop-prod-images").mapping(MappingSpec::sqs("images")));
    let fields = [
        ("reason", "schema 42"),
        ("shown", &*shown),
        ("accept_loss", "on"),
    ];
    let (path, _) = ana.post_and_follow(&page, &fields).await;
    ana.when_done(&path).await.says(&["Maintenance is on"]);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_change_anything_sees_why_and_no_button() {
    let console = Console::new();
    let mut eve = console.browser("eve", Scope::Read).await;
    let product = eve.get(SHOP).await;
    product.says(&[
        "Normal",
        "Your token has scope read",
        "sign in with a token of scope write",
    ]);
    assert!(!product.body.contains("/enter\""), "{}", product.text());
    for path in ["/enter", "/exit"] {
        let page = eve.get(&format!("{SHOP}{path}")).await;
        assert_eq!(page.status, 403);
        page.says(&["Not allowed", "scope write", "Sign in with another token"]);
        let page = eve.post(&format!("{SHOP}{path}"), &[("reason", "x")]).await;
        assert_eq!(page.status, 403);
    }
    // What is not of the caller's products is as if it did not exist.
    let mut bob = console.browser_of("bob", Scope::Write, Some("try")).await;
    bob.get("/").await.says_nothing_of(&["Shop"]);
    for path in ["", "/enter", "/exit", "/operations/0"] {
        let page = bob.get(&format!("{SHOP}{path}")).await;
        assert_eq!(page.status, 404, "{path}");
        page.says(&["Not found", "There is no product shop"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_product_of_another_environment_is_not_found_and_neither_is_nonsense() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    for path in [
        "/products/dev/shop",
        "/products/dev/shop/enter",
        "/nothing/here",
        "/assets/other.css",
    ] {
        let page = ana.get(path).await;
        assert_eq!(page.status, 404, "{path}");
    }
    ana.get("/nothing/here")
        .await
        .says(&["Not found", "There is nothing at this address."]);
    let mut stranger = console.stranger();
    let answer = stranger.get(&format!("{SHOP}/enter")).await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.header("location"),
        "/login?next=/products/prod/shop/enter"
    );
    let page = stranger.get(answer.header("location")).await;
    assert_eq!(page.hidden("next"), "/products/prod/shop/enter");
    let page = stranger.get("/login?next=//evil.example").await;
    assert_eq!(page.hidden("next"), "/");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_token_is_refused_on_the_page_and_never_repeated() {
    let console = Console::new();
    let mut stranger = console.stranger();
    let page = stranger
        .post(
            "/login",
            &[("token", "mnt_0123456789_wrong"), ("next", "/x")],
        )
        .await;
    assert_eq!(page.status, 401);
    page.says(&["Sign in", "This is not a token that is valid"]);
    assert_eq!(page.hidden("next"), "/x");
    assert!(!page.body.contains("0123456789_wrong"));

    let mut ana = console.browser("ana", Scope::Write).await;
    ana.get("/").await.says(&["Shop"]);
    let out = ana.post("/logout", &[]).await;
    assert_eq!((out.status, out.header("location")), (303, "/login"));
    assert_eq!(ana.get("/").await.status, 303, "signed out");
}

#[tokio::test(start_paused = true)]
async fn a_maintenance_that_an_observer_holds_is_overridden_with_a_reason_only() {
    let console = Console::new();
    let observer = Actor::Observer("healthcheck".to_owned());
    for name in ["shop", "billing"] {
        for role in ["web", "worker"] {
            console
                .turn_on_for_shop(
                    app(name, "prod"),
                    role,
                    observer.clone(),
                    "the database is down",
                )
                .await;
        }
    }
    let mut ana = console.browser("ana", Scope::Write).await;
    let product = ana.get(SHOP).await;
    product.says(&[
        "Held by the observer healthcheck",
        "Reason the database is down",
        "The observer healthcheck holds this maintenance, and ends it when it sees that all is normal. You may override it, with a reason.",
    ]);
    assert!(!product.body.contains("id=\"exit\""), "exit is not offered");

    let page = format!("{SHOP}/exit");
    let ask = ana.get(&page).await;
    ask.says(&[
        "Source an observer",
        "It is held by the observer healthcheck",
        "Reason for overriding it (required)",
        "2 functions are restored",
    ]);
    let refused = ana.post(&page, &[("force", "yes"), ("reason", " ")]).await;
    assert_eq!(refused.status, 422);
    refused.says(&["Nothing was changed", "The reason must not be empty."]);
    // Without force it is refused, whatever the page offers.
    let (path, _) = ana.post_and_follow(&page, &[]).await;
    ana.when_done(&path).await.says(&[
        "Nothing was changed",
        "the window is held by the observer healthcheck",
    ]);

    let mut other = console.browser("other", Scope::Observe).await;
    let product = other.get(SHOP).await;
    product.says(&["The observer healthcheck holds this maintenance"]);
    product.says_nothing_of(&["You may override it"]);
    let page_of_other = other.get(&page).await;
    page_of_other.says(&["Overriding it needs a token of scope write."]);
    assert!(!page_of_other.body.contains("<button id=\"go\""));
    assert_eq!(
        other
            .post(&page, &[("force", "yes"), ("reason", "x")])
            .await
            .status,
        403
    );

    let fields = [("force", "yes"), ("reason", "it is a false alarm")];
    let (path, _) = ana.post_and_follow(&page, &fields).await;
    ana.when_done(&path)
        .await
        .says(&["Maintenance is off", "Maintenance → Normal"]);
    let flag = &console.sandbox.parameters()["/maintenance/shop-prod/flags/web"].value;
    assert!(
        flag.contains("overrode") && flag.contains("it is a false alarm"),
        "{flag}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_observer_may_exit_what_it_holds() {
    let console = Console::new();
    let mut observer = console.browser("healthcheck", Scope::Observe).await;
    let (_, page) = entered(&mut observer, &[]).await;
    page.says(&["Maintenance is on"]);
    let product = observer.get(SHOP).await;
    product.says(&["Held by the observer healthcheck"]);
    assert!(product.body.contains("id=\"exit\""));

    // Within seconds each sees what it may do itself, not what the other may.
    let mut ana = console.browser("ana", Scope::Write).await;
    let ask = format!("{SHOP}/exit");
    for _ in 0..2 {
        let page = observer.get(&ask).await;
        page.says_nothing_of(&["overriding"]);
        assert!(page.body.contains("<button id=\"go\""), "{}", page.text());
        ana.get(&ask).await.says(&[
            "It is held by the observer healthcheck",
            "Reason for overriding it",
        ]);
    }
    let (path, _) = observer.post_and_follow(&format!("{SHOP}/exit"), &[]).await;
    observer
        .when_done(&path)
        .await
        .says(&["Maintenance is off"]);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_was_on_by_itself_is_left_on_and_named_with_its_owner() {
    let console = Console::new();
    console
        .turn_on(
            app("billing", "prod"),
            "web",
            Actor::Person,
            "its own reason",
        )
        .await;
    let mut ana = console.browser("ana", Scope::Write).await;
    let product = ana.get(SHOP).await;
    product.says(&[
        "Partial",
        "on; turned on by ben@desk, not for this product",
        "Finish entering",
    ]);
    let (_, page) = entered(&mut ana, &[]).await;
    page.says(&["Partial → Maintenance"]);
    let ask = ana.get(&format!("{SHOP}/exit")).await;
    ask.says(&["web stays on: it was not turned on for this product"]);
    let (path, _) = ana.post_and_follow(&format!("{SHOP}/exit"), &[]).await;
    let page = ana.when_done(&path).await;
    page.says(&[
        "Maintenance → Partial",
        "Left on",
        "billing-prod web: turned on by itself, by ben@desk",
    ]);
    // Only what is not this product's is left.
    let product = ana.get(SHOP).await;
    product.says(&[
        "exiting it would change nothing",
        "Run maintenance off --app billing --role web.",
    ]);
    assert!(!product.body.contains("id=\"exit\""));
    ana.get(&format!("{SHOP}/exit"))
        .await
        .says(&["There is nothing to exit."]);
}

#[tokio::test(start_paused = true)]
async fn a_success_is_shown_before_the_call_was_made() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let slow = Fault::on("PutFunctionConcurrency").always();
    console.sandbox.inject(slow.delay(Duration::from_secs(5)));
    let before = console.reserved();
    let path = enter(&mut ana, &[]).await.header("location").to_owned();
    let mut page = ana.get(&path).await;
    let mut looks = 0;
    while page.body.contains("data-live=\"soon\"") {
        page.says_nothing_of(&["Maintenance is on", "→"]);
        looks += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
        page = ana.get(&path).await;
    }
    assert!(looks > 3, "{looks} looks at what takes five seconds");
    page.says(&["Maintenance is on", "Normal → Maintenance"]);
    assert_ne!(console.reserved(), before);
}

#[tokio::test(start_paused = true)]
async fn who_asks_while_another_is_at_work_sees_its_progress() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let mut ben = console.browser("ben", Scope::Write).await;
    let page = format!("{SHOP}/enter");
    let shown = ben.get(&page).await.hidden("shown");
    let started = enter(&mut ana, &[]).await;
    let path = started.header("location").to_owned();
    let fields = [
        ("reason", "mine"),
        ("shown", &*shown),
        ("accept_loss", "on"),
    ];
    let (to, page) = ben.post_and_follow(&page, &fields).await;
    assert_eq!(to, format!("{path}?other"));
    page.says(&[
        "Entering maintenance",
        "by ana: schema 42",
        "nothing of what you asked for was begun",
    ]);
    let product = ben.get(SHOP).await;
    product.says(&["Entering maintenance: started", "Show progress"]);
    assert!(
        !product.body.contains("/enter\""),
        "one operation at a time"
    );
    let (to, _) = ben.post_and_follow(&format!("{SHOP}/exit"), &[]).await;
    assert_eq!(to, format!("{path}?other"));
    for form in ["/enter", "/exit"] {
        let answer = ben.get(&format!("{SHOP}{form}")).await;
        let to = (answer.status, answer.header("location"));
        assert_eq!(to, (303, &*format!("{path}?other")), "{form}");
    }
    ana.when_done(&path).await.says(&["Maintenance is on"]);
    let flag = &console.sandbox.parameters()["/maintenance/shop-prod/flags/web"].value;
    assert!(!flag.contains("mine"), "{flag}");
}

#[tokio::test(start_paused = true)]
async fn a_restarted_server_shows_what_is_half_done_and_the_same_button_finishes_it() {
    let console = Console::new();
    let before = console.sandbox.fleet();
    let mut ana = console.browser("ana", Scope::Write).await;
    let started = enter(&mut ana, &[]).await;
    let path = started.header("location").to_owned();
    let operation = console
        .state
        .operations
        .get(path.rsplit('/').next().unwrap())
        .unwrap();
    // It dies with the flags of the web roles on.
    let mut progress = operation.progress();
    let is_half_done = |progress: &maintenance_server::operations::Progress| {
        let roles = progress.apps.iter().flat_map(|app| &app.roles);
        roles
            .filter(|role| {
                matches!(
                    role.phase,
                    maintenance_server::operations::Phase::Finished(_)
                )
            })
            .count()
            >= 2
    };
    progress.wait_for(is_half_done).await.unwrap();
    operation.stop();
    operation.ended().await;
    let sandbox = console.sandbox.clone();
    drop((console, ana));

    let console = Console::over(sandbox);
    let mut ana = console.browser("ana2", Scope::Write).await;
    let page = ana.get(&path).await;
    assert_eq!(page.status, 404);
    page.says(&[
        "This server does not know the operation",
        "Shop stands like this",
        "Partial",
        "Finish entering",
    ]);
    let (_, page) = entered(&mut ana, &[]).await;
    page.says(&["Maintenance is on", "Partial → Maintenance"]);
    let (path, _) = ana.post_and_follow(&format!("{SHOP}/exit"), &[]).await;
    ana.when_done(&path).await.says(&["Maintenance is off"]);
    assert_eq!(console.sandbox.fleet(), before);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_fails_is_named_and_the_result_is_no_success() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let denied = Fault::on("PutFunctionConcurrency")
        .target("shop-prod-mail")
        .always();
    console.sandbox.inject(denied.access_denied());
    let (path, page) = entered(&mut ana, &[]).await;
    page.says(&[
        "Maintenance is not complete",
        "do the same again to continue with it",
        "shop-prod-mail: ",
        "Continue",
    ]);
    page.says_nothing_of(&["It is safe to migrate", "Safe to migrate after"]);
    let failed = path;
    let product = ana.get(SHOP).await;
    product.says(&["not every function is paused", "Safe to migrate not yet"]);
    console.sandbox.clear_faults();
    let (_, page) = entered(&mut ana, &[]).await;
    page.says(&["Maintenance is on", "1 function paused: shop-prod-mail"]);
    let page = ana.get(&failed).await;
    page.says(&["Maintenance was not completed", "shop-prod-mail: "]);
    page.says_nothing_of(&["Continue", "do the same again"]);

    // What another client changed meanwhile is kept, and named; but for who asks for what was saved.
    console
        .sandbox
        .set_reserved("shop-prod-images", Some(11))
        .unwrap();
    let ask = ana.get(&format!("{SHOP}/exit")).await;
    ask.says(&[
        "shop-prod-images drifted: reserved concurrency changed to 11 while paused (saved: 7)",
        "Restore the saved values",
    ]);
    let (path, _) = ana
        .post_and_follow(&format!("{SHOP}/exit"), &[("restore_saved", "on")])
        .await;
    ana.when_done(&path).await.says(&["Maintenance is off"]);
    assert!(
        console
            .reserved()
            .contains(&"shop-prod-images=7".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn the_bypass_link_is_shown_once_and_only_to_whom_it_was_made_for() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let mut ben = console.browser("ben", Scope::Write).await;
    let (path, page) = entered(&mut ana, &[("link", "on")]).await;
    page.says(&["Show the bypass link"]);
    assert!(
        !page.body.contains("maintenance-bypass="),
        "not before it is asked for"
    );
    assert_eq!(ben.post(&format!("{path}/link"), &[]).await.status, 404);
    ben.get(&path)
        .await
        .says_nothing_of(&["Show the bypass link"]);

    let link = ana.post(&format!("{path}/link"), &[]).await;
    link.says(&[
        "Anyone with this link can pass until",
        "https://shop.example/?maintenance-bypass=",
        "X-Maintenance-Bypass",
    ]);
    let again = ana.post(&format!("{path}/link"), &[]).await;
    again.says(&["This link was shown already"]);
    assert!(!again.body.contains("maintenance-bypass="));
    ana.get(&path)
        .await
        .says_nothing_of(&["Show the bypass link"]);
    let product = ana.get(SHOP).await;
    product.says(&["Requests with the bypass link pass; it ends in 24 h"]);
    assert!(!product.body.contains("maintenance-bypass="));
}

#[tokio::test(start_paused = true)]
async fn the_bypass_link_is_not_shown_to_a_later_token_of_the_same_name() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let (path, page) = entered(&mut ana, &[("link", "on")]).await;
    page.says(&["Show the bypass link"]);
    // The name is free once more.
    console.revoke("ana").await;
    let mut other = console.browser("ana", Scope::Write).await;
    let page = other.get(&path).await;
    page.says(&["Maintenance is on"]);
    page.says_nothing_of(&["Show the bypass link"]);
    let link = other.post(&format!("{path}/link"), &[]).await;
    assert_eq!(link.status, 404);
    link.says(&["This server has no bypass link of yours."]);
}

#[tokio::test(start_paused = true)]
async fn script_in_every_field_that_a_page_shows_is_text() {
    let console = Console::new();
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
    let mut ana = console.browser("ana", Scope::Write).await;
    let all = [("reason", evil), ("message", evil), ("until", evil)];
    let refused = enter(&mut ana, &all).await;
    assert_eq!(refused.status, 422);
    let (path, done) = entered(&mut ana, &[("reason", evil), ("message", evil)]).await;
    let login = console
        .stranger()
        .post("/login", &[("token", evil), ("next", evil)])
        .await;
    let mut pages = vec![refused, done, login];
    for path in [
        "/",
        SHOP,
        &format!("{SHOP}/enter"),
        &format!("{SHOP}/exit"),
        &path,
    ] {
        pages.push(ana.get(path).await);
    }
    // Stored by another hand, in every field of a flag.
    let json = serde_json::to_string(evil).unwrap();
    let flag = format!(
        "{{\"schema\":1,\"mode\":\"on\",\"owner\":{{\"kind\":\"observer\",\"name\":{json}}},\"by\":{json},\"reason\":{json},\"message\":{json},\"product\":\"shop\"}}"
    );
    for app in ["shop", "billing"] {
        console
            .sandbox
            .set_parameter(&format!("/maintenance/{app}-prod/flags/web"), &flag);
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    for path in ["/", SHOP, &format!("{SHOP}/enter"), &format!("{SHOP}/exit")] {
        let page = ana.get(path).await;
        page.says(&[if path.ends_with("/enter") {
            "Enter"
        } else {
            evil
        }]);
        pages.push(page);
    }
    pages.push(
        ana.get(&format!("/{}", "%3Cscript%3Ealert(1)%3C/script%3E"))
            .await,
    );
    pages.push(
        ana.get(&format!(
            "/products/prod/{}",
            "%3Cscript%3Ealert(1)%3C%2Fscript%3E"
        ))
        .await,
    );
    for page in pages {
        for bad in ["<script>", "<img", "onerror=alert(2)>\""] {
            assert!(!page.body.contains(bad), "{bad} in {}", page.body);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_page_is_small_asks_nobody_else_and_has_no_inline_script_or_style() {
    let console = Console::new();
    // A fleet of 300, of which each second one would lose events.
    for n in 0..300 {
        let name = format!("shop-prod-import-of-supplier-{n:03}");
        let function = FunctionSpec::new(&name).reserved(1);
        let queue = MappingSpec::sqs(&format!("import-of-supplier-{n:03}"));
        console.sandbox.seed(match n % 2 {
            0 => function.mapping(queue),
            _ => function.invoked_by("s3.amazonaws.com"),
        });
    }
    let mut ana = console.browser("ana", Scope::Write).await;
    let enter = ana.when_done(&format!("{SHOP}/enter")).await;
    let shown = enter.hidden("shown");
    let fields = [
        ("reason", "schema 42"),
        ("shown", &*shown),
        ("accept_loss", "on"),
    ];
    let (path, working) = ana.post_and_follow(&format!("{SHOP}/enter"), &fields).await;
    let done = ana.when_done(&path).await;
    done.says(&["Maintenance is on", "302 functions paused"]);
    let mut pages = vec![enter, working, done, console.stranger().get("/login").await];
    for path in ["/", SHOP, &format!("{SHOP}/exit"), "/nothing"] {
        pages.push(ana.when_done(path).await);
    }
    for page in &pages {
        assert!(
            page.body.len() < MOST,
            "{} bytes: {}",
            page.body.len(),
            page.text()
        );
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(
            page.header("content-security-policy")
                .contains("default-src 'none'")
        );
        for bad in [" style=\"", "<style", " onclick=", "javascript:"] {
            assert!(!page.body.contains(bad), "{bad} in {}", page.body);
        }
        for part in page
            .body
            .split("src=\"")
            .skip(1)
            .chain(page.body.split("action=\"").skip(1))
        {
            assert!(part.starts_with('/'), "{}", part.split('"').next().unwrap());
        }
        let style = page
            .body
            .split_once("rel=\"stylesheet\" href=\"")
            .unwrap()
            .1;
        let style = style.split('"').next().unwrap();
        let css = console.stranger().get(style).await;
        assert_eq!(
            (css.status, css.header("content-type")),
            (200, "text/css; charset=utf-8")
        );
        assert_eq!(
            css.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert!(!css.body.contains("url(") && !css.body.contains("@import"));
        let script = page
            .body
            .split_once("<script src=\"")
            .unwrap()
            .1
            .split('"')
            .next()
            .unwrap();
        let js = console.stranger().get(script).await;
        assert_eq!(
            (js.status, js.header("content-type")),
            (200, "text/javascript; charset=utf-8")
        );
        assert!(css.body.len() + js.body.len() < 15_000);
        assert_eq!(page.body.matches("<h1").count(), 1);
        assert!(page.body.contains("<html lang=\"en\">") && page.body.contains("class=\"skip\""));
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_of_another_site_is_refused() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let answer = ana
        .post_from("http://evil.example", &format!("{SHOP}/exit"), &[])
        .await;
    assert_eq!(answer.status, 403);
    answer.says(&[
        "Not allowed",
        "the request comes from a page of another site",
    ]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_said_and_offers_nothing() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    ana.get(SHOP).await;
    let denied = Fault::on("GetParameter")
        .target("/maintenance/billing-prod/flags")
        .always();
    console.sandbox.inject(denied.access_denied());
    tokio::time::sleep(Duration::from_secs(5)).await;
    ana.get("/")
        .await
        .says(&["Unknown", "billing-prod cannot be read"]);
    let page = ana.get(SHOP).await;
    page.says(&[
        "Unknown",
        "It cannot be read",
        "Nothing can be done before all of it can be read.",
    ]);
    assert!(!page.body.contains("/enter\""));
    let page = ana.when_done(&format!("{SHOP}/enter")).await;
    page.says(&[
        "This cannot be done",
        "As long as this is so, nothing can be changed.",
    ]);
    assert!(!page.body.contains("<button id=\"go\""));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_may_have_died_is_shown_with_what_holds_for_who_asks_now() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    // As `on worker` of a laptop leaves it that was closed: within its term, and after that.
    let lease = |ends: i64| {
        let now = Timestamp::now().as_second();
        let at = |second| Timestamp::from_second(second).unwrap();
        let (began, ends) = (at(now - 60), at(now + ends));
        format!(
            "{{\"schema\":1,\"id\":\"9f86d081884c7d65\",\"by\":\"ben@desk\",\"operation\":\"on worker\",\"acquired\":\"{began}\",\"expires\":\"{ends}\"}}"
        )
    };
    let name = "/maintenance/shop-prod/lease/1";
    console.sandbox.set_parameter(name, &lease(30));
    tokio::time::sleep(Duration::from_secs(5)).await;
    for path in [SHOP, &format!("{SHOP}/operations/0")] {
        let page = ana.get(path).await;
        page.says(&[
            "ben@desk is operating on it (on worker)",
            "Nothing else can be started on it now. If it has died, try again after ",
            "what you start then continues where it ended.",
        ]);
        page.says_nothing_of(&["waits until that is known"]);
    }
    let offers_enter = |page: &Answer| page.body.contains("id=\"enter\"");
    assert!(!offers_enter(&ana.get(SHOP).await), "it would be refused");
    let (path, _) = entered(&mut ana, &[]).await;
    let refused = ana.get(&path).await;
    refused.says(&["Nothing was changed", "try again after", "Now: Normal"]);
    refused.says_nothing_of(&["→"]);

    // A clock that is an hour ahead must not keep people out for an hour.
    console.sandbox.set_parameter(name, &lease(3_600));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(offers_enter(&ana.get(SHOP).await));

    console.sandbox.set_parameter(name, &lease(-5));
    tokio::time::sleep(Duration::from_secs(5)).await;
    for path in [SHOP, &format!("{SHOP}/operations/0")] {
        let page = ana.get(path).await;
        page.says(&["An operation that you start waits until that is known"]);
        page.says_nothing_of(&["try again after"]);
    }
    assert!(offers_enter(&ana.get(SHOP).await));
    let (path, _) = entered(&mut ana, &[]).await;
    ana.get(&path).await.says(&["Maintenance is on"]);
}

#[tokio::test(start_paused = true)]
async fn a_read_only_maintenance_says_that_reads_pass() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let page = "/products/dev/try";
    let fields = [("reason", "schema 42"), ("read_only", "on")];
    let (path, _) = ana.post_and_follow(&format!("{page}/enter"), &fields).await;
    ana.when_done(&path).await.says(&["Maintenance is on"]);
    let product = ana.get(page).await;
    product.says(&[
        "Maintenance Visitors may read",
        "GET, HEAD and OPTIONS requests pass",
    ]);
    product.says_nothing_of(&["Visitors get the maintenance page"]);
}

#[tokio::test(start_paused = true)]
async fn a_cell_whose_heading_a_narrow_screen_hides_brings_its_own() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    entered(&mut ana, &[]).await;
    let page = ana.get(SHOP).await;
    let cells = page
        .body
        .matches("<td data-label=\"Safe to migrate:\">after ");
    assert_eq!(cells.count(), 4, "{}", page.body);
    let style = page
        .body
        .split_once("rel=\"stylesheet\" href=\"")
        .unwrap()
        .1;
    let css = ana.get(style.split('"').next().unwrap()).await.body;
    let (wide, narrow) = css.split_once("@media (max-width: 40rem)").unwrap();
    let label = "td[data-label]::before { content: attr(data-label)";
    assert!(narrow.contains(label) && !wide.contains(label), "{css}");
}

#[tokio::test(start_paused = true)]
async fn what_no_page_sends_is_refused_on_a_page_in_plain_words() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    let enter = format!("{SHOP}/enter");
    let shown = ana.get(&enter).await.hidden("shown");
    let not_text = format!("reason=a%ff&accept_loss=on&shown={shown}");
    for (path, media_type, body, status, why) in [
        (
            "/login",
            form,
            "x=1",
            400,
            "This is not the form of the page.",
        ),
        (
            &*enter,
            form,
            "reason=a&reason=b",
            400,
            "This is not the form of the page.",
        ),
        (
            "/login",
            form,
            &*"x".repeat(100_000),
            413,
            "The form is larger than 64 KiB.",
        ),
        (
            &*enter,
            form,
            &*not_text,
            400,
            "A field holds what is not text.",
        ),
        (
            &*enter,
            json,
            "{}",
            415,
            "This address takes the form of its page.",
        ),
        (
            "/login",
            json,
            "{}",
            415,
            "This address takes the form of its page.",
        ),
        (
            &*format!("{SHOP}/exit"),
            json,
            "{}",
            415,
            "This address takes the form of its page.",
        ),
    ] {
        let origin = "http://maintenance.example";
        let page = ana
            .post_body(origin, path, media_type, body.to_owned())
            .await;
        assert_eq!(page.status, status, "{path} {media_type}: {page:?}");
        page.says(&["This cannot be done", why]);
    }
    let flags = console.sandbox.parameters();
    assert!(flags.keys().all(|name| !name.contains("/flags/")));
    for (path, status, why) in [
        (
            "/products/prod/%ff",
            404,
            "There is nothing at this address.",
        ),
        (
            "/products/prod/%ff/enter",
            404,
            "There is nothing at this address.",
        ),
        (
            "/products/prod/shop/operations/%ff",
            404,
            "There is nothing at this address.",
        ),
        ("/assets/%ff", 404, "There is nothing at this address."),
        (
            "/assets/other.css",
            404,
            "There is nothing at this address.",
        ),
        (
            "/login?next=a&next=b",
            400,
            "after the question mark is wrong",
        ),
        (
            "/products/prod/shop/operations/0?other&other",
            400,
            "after the question mark is wrong",
        ),
    ] {
        let page = ana.get(path).await;
        assert_eq!(page.status, status, "{path}: {page:?}");
        page.says(&[why, "Products"]);
    }
    let page = ana.get("/logout").await;
    assert_eq!((page.status, page.header("allow")), (405, "POST"));
    page.says(&["This cannot be done", "this address takes no GET"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_script_a_window_is_scheduled_moved_and_cancelled() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let schedule = format!("{SHOP}/schedule");
    let product = ana.get(SHOP).await;
    assert!(product.body.contains(&format!("href=\"{schedule}\"")));
    let page = ana.get(&schedule).await;
    page.says(&["No maintenance is scheduled", "Read-only is not offered"]);

    let window = [("starts", "3h"), ("ends", "2h"), ("reason", "schema 43")];
    let answer = ana.post(&schedule, &window).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(answer.header("location"), schedule);
    let page = ana.get(&schedule).await;
    page.says(&[
        "(in 3 h)",
        "Reason schema 43",
        "Scheduled by ana",
        "Move or cancel",
    ]);
    page.says_nothing_of(&["No maintenance is scheduled", "Roles shop-prod"]);
    assert!(page.body.len() < MOST);
    let product = ana.get(SHOP).await;
    product.says(&["Normal", "Scheduled", "(in 3 h)", "schema 43"]);

    // Another at the same time is refused, with what was typed.
    let other = [
        ("starts", "4h"),
        ("ends", "1h"),
        ("reason", "another <one>"),
    ];
    let refused = ana.post(&schedule, &other).await;
    assert_eq!(refused.status, 409);
    refused.says(&["Nothing was changed", "at the same time as the window"]);
    assert!(
        refused.body.contains("another &#60;one&#62;"),
        "{}",
        refused.body
    );

    let link = "/schedule/";
    let at = page.body.find(&format!("{SHOP}{link}")).expect("a link");
    let path = page.body[at..].split('"').next().unwrap().to_owned();
    ana.get(&path).await.says(&[
        "Move or cancel: Shop",
        "Reason schema 43",
        "It will not open",
    ]);
    let moved = ana.post(&path, &[("starts", "5h"), ("ends", "30m")]).await;
    assert_eq!(moved.status, 303, "{}", moved.text());
    ana.get(&schedule).await.says(&["(in 5 h)"]);
    let bad = ana
        .post(&path, &[("starts", "soon"), ("ends", "30m")])
        .await;
    assert_eq!(bad.status, 422);
    bad.says(&["Nothing was changed", "The start must be a time in UTC"]);

    // Whoever may only read sees it, and is offered nothing.
    let mut rita = console.browser("rita", Scope::Read).await;
    let page = rita.get(&schedule).await;
    page.says(&["(in 5 h)"]);
    page.says_nothing_of(&["Move or cancel", "Schedule maintenance"]);
    assert_eq!(rita.post(&schedule, &window).await.status, 403);
    assert_eq!(rita.get(&path).await.status, 403);

    let cancelled = ana.post(&path, &[("cancel", "yes")]).await;
    assert_eq!(cancelled.status, 303, "{}", cancelled.text());
    ana.get(&schedule)
        .await
        .says(&["No maintenance is scheduled"]);
    assert_eq!(ana.get(&path).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_scheduled_is_said_beside_its_field() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let schedule = format!("{SHOP}/schedule");
    for (starts, ends, reason, says) in [
        ("", "2h", "x", "The start must be a time in UTC"),
        ("3h", "", "x", "The end must be a length of time"),
        (
            "2020-01-01 10:00",
            "2h",
            "x",
            "The start must be in the future",
        ),
        (
            "3h",
            "2020-01-01 10:00",
            "x",
            "The end must be later than the start",
        ),
        ("3h", "31d", "x", "at most 30 days"),
        ("3h", "2h", "", "The reason must not be empty"),
    ] {
        let fields = [("starts", starts), ("ends", ends), ("reason", reason)];
        let answer = ana.post(&schedule, &fields).await;
        assert_eq!(answer.status, 422, "{says}");
        answer.says(&["Nothing was changed", says]);
        assert!(answer.body.contains("aria-invalid"), "{says}");
    }
    ana.get(&schedule)
        .await
        .says(&["No maintenance is scheduled"]);
}

#[tokio::test(start_paused = true)]
async fn the_history_is_filtered_by_product_app_and_source_and_the_last_of_it_is_on_the_products_page()
 {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Write).await;
    let empty = ana.get("/history").await;
    empty.says(&["History", "Nothing has happened yet"]);
    ana.get(SHOP).await.says_nothing_of(&["All of it"]);
    let (_, page) = entered(&mut ana, &[]).await;
    page.says(&["Normal → Maintenance"]);
    console
        .turn_on(
            app("try", "dev"),
            "web",
            Actor::Observer("monitor".to_owned()),
            "it is slow",
        )
        .await;
    tokio::time::advance(Duration::from_secs(20)).await;

    let product = ana.get(SHOP).await;
    product.says(&[
        "History",
        "shop-prod web off → on",
        "ana (manual)",
        "schema 42",
        "All of it",
    ]);
    assert!(
        product
            .body
            .contains("href=\"/history?product=prod%2Fshop\"")
    );
    let all = ana.get("/history").await;
    all.says(&[
        "try-dev web off → on",
        "(observer)",
        "it is slow",
        "billing-prod worker off → on",
        "complete",
    ]);
    assert!(all.body.len() < MOST);
    let shop = ana.get("/history?product=prod%2Fshop&app=&source=").await;
    shop.says(&["shop-prod web"]);
    shop.says_nothing_of(&["it is slow"]);
    assert!(shop.body.contains("<option value=\"prod/shop\" selected>"));
    let app = ana.get("/history?app=try-dev").await;
    app.says(&["it is slow"]);
    app.says_nothing_of(&["schema 42"]);
    let observers = ana.get("/history?source=observer").await;
    observers.says(&["it is slow"]);
    observers.says_nothing_of(&["schema 42"]);
    let after = ana.get("/history?source=schedule").await;
    after.says(&["Nothing of this kind is kept"]);
    for wrong in ["product=prod%2Fnone", "app=none", "source=moon", "after=x"] {
        assert_eq!(
            ana.get(&format!("/history?{wrong}")).await.status,
            404,
            "{wrong}"
        );
    }
    // Who may see one product sees the history of that alone.
    let mut other = console.browser_of("other", Scope::Read, Some("try")).await;
    let seen = other.get("/history").await;
    seen.says(&["it is slow"]);
    seen.says_nothing_of(&["schema 42", "shop"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_history_is_on_several_pages_and_one_that_cannot_be_read_says_why() {
    let console = Console::new();
    let mut ana = console.browser("ana", Scope::Read).await;
    for n in 0..60 {
        let flag = "/maintenance/try-dev/flags/web";
        console.sandbox.set_parameter(flag, ["on", "off"][n % 2]);
    }
    let first = ana.get("/history?app=try-dev").await;
    first.says(&["the flag was set by hand", "Older"]);
    let older = first
        .body
        .split("href=\"/history?app=try-dev&#38;after=")
        .nth(1);
    let after = older
        .and_then(|rest| rest.split('"').next())
        .expect("a next page");
    let second = ana
        .get(&format!("/history?app=try-dev&after={after}"))
        .await;
    second.says(&["off → on", "Newest"]);
    assert_eq!(second.body.matches("<tr>").count(), 11, "ten, and the head");
    let console = Console::over(console.sandbox.clone());
    console
        .sandbox
        .inject(Fault::on("GetParameterHistory").always().access_denied());
    let mut ana = console.browser("ben", Scope::Read).await;
    let failed = ana.get("/history").await;
    failed.says(&[
        "try-dev",
        "not allowed to ssm:GetParameterHistory",
        "allow ssm:GetParameterHistory",
    ]);
}
