//! A console of two products, and a browser without a script.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, header};
use jiff::Timestamp;
use maintenance_control::{Actor, OnRequest};
use maintenance_flag::{App, Options, Prefix, Product, Scope};
use maintenance_sandbox::{FunctionSpec, MappingSpec, Sandbox, Settings};
use maintenance_server::AppState;
use maintenance_server::access::{self, Access, AccessStore, NewToken};
use maintenance_server::catalog::{Catalog, ManagedProduct};

use crate::answer::{self, Answer};
use crate::managed::{clock, control, managed, roles, store};
use crate::turn_on::turn_on;

/// The page of the product `shop` of the environment `prod`.
pub(crate) const SHOP: &str = "/products/prod/shop";

/// A console: `shop` of `prod` is the apps `shop` and `billing`, each with web and a worker role; `try` of `dev` is
/// the app `try` with web alone.
pub(crate) struct Console {
    pub(crate) sandbox: Sandbox,
    pub(crate) state: AppState,
    tokens: AccessStore,
    router: Router,
}

/// A sandbox with the functions of the shop. One is fed by a queue, one by a bucket and one by a rule, these two
/// without a failure destination.
pub(crate) fn sandbox(settings: Settings) -> Sandbox {
    let sandbox = Sandbox::new(settings);
    for function in [
        FunctionSpec::new("shop-prod-mail")
            .reserved(5)
            .mapping(MappingSpec::sqs("shop-prod-mail")),
        FunctionSpec::new("shop-prod-images")
            .reserved(7)
            .invoked_by("s3.amazonaws.com"),
        FunctionSpec::new("billing-prod-ledger").invoked_by("events.amazonaws.com"),
        FunctionSpec::new("billing-prod-pdf").reserved(3),
    ] {
        sandbox.seed(function);
    }
    sandbox
}

impl Console {
    /// On tokio's clock.
    pub(crate) fn new() -> Self {
        let clock = maintenance_sandbox::Clock::tokio_from(Timestamp::now());
        Self::over(sandbox(Settings {
            clock,
            ..Settings::quick()
        }))
    }

    /// A server that is started on what another one has left.
    pub(crate) fn over(sandbox: Sandbox) -> Self {
        let product = |id: &str, title: &str, environment: &str, apps| ManagedProduct {
            id: id.parse().unwrap(),
            title: title.to_owned(),
            version: Some("2.4.1".to_owned()),
            environment: environment.to_owned(),
            apps,
            is_implied: false,
        };
        let url = |url: &str| Some(url.to_owned());
        let shop = vec![
            Arc::new(managed(
                &sandbox,
                app("shop", "prod"),
                true,
                url("https://shop.example/"),
            )),
            Arc::new(managed(&sandbox, app("billing", "prod"), true, None)),
        ];
        let try_out = vec![Arc::new(managed(&sandbox, app("try", "dev"), false, None))];
        let state = AppState::new(Catalog::new(vec![
            product("shop", "Shop", "prod", shop),
            product("try", "Try out", "dev", try_out),
        ]));
        let control = control(&sandbox, app("shop", "prod"), "server");
        let store = AccessStore::new(store(&sandbox), &Prefix::default(), control.app().clone());
        let tokens = store.with_clock(clock(&sandbox));
        let access = Access::new(tokens.clone(), access::Options::default());
        let router = maintenance_server::router(state.clone(), &access);
        Self {
            sandbox,
            state,
            tokens,
            router,
        }
    }

    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// A new token of this name, of one product or all. One of scope observe is of the observer of that name.
    pub(crate) async fn token(&self, name: &str, scope: Scope, product: Option<&str>) -> String {
        let new = NewToken {
            name: name.parse().unwrap(),
            scope,
            observer: (scope == Scope::Observe).then(|| name.to_owned()),
            products: product.map(|id| [id.parse::<Product>().unwrap()].into()),
            expires: None,
            by: "ana@laptop".to_owned(),
        };
        let (secret, _) = self.tokens.create(new).await.expect("a token");
        // What the server knows of tokens may be two seconds old.
        tokio::time::sleep(Duration::from_secs(3)).await;
        secret.reveal()
    }

    /// Revokes the token of this name.
    pub(crate) async fn revoke(&self, name: &str) {
        self.tokens.revoke(name).await.expect("it is revoked");
    }

    /// A browser that has signed in with a new token.
    pub(crate) async fn browser(&self, name: &str, scope: Scope) -> Browser {
        self.browser_of(name, scope, None).await
    }

    pub(crate) async fn browser_of(
        &self,
        name: &str,
        scope: Scope,
        product: Option<&str>,
    ) -> Browser {
        let token = self.token(name, scope, product).await;
        let mut browser = Browser {
            router: self.router(),
            cookie: None,
        };
        let answer = browser
            .post("/login", &[("token", &token), ("next", "/")])
            .await;
        assert_eq!(answer.status, 303, "{answer:?}");
        browser
    }

    /// A browser of nobody.
    pub(crate) fn stranger(&self) -> Browser {
        Browser {
            router: self.router(),
            cookie: None,
        }
    }

    /// Turns maintenance of a role on, elsewhere, by itself.
    pub(crate) async fn turn_on(&self, app: App, role: &str, who: Actor, reason: &str) {
        self.turn_on_as(app, role, who, reason, None).await;
    }

    /// The same for the product.
    pub(crate) async fn turn_on_for_shop(&self, app: App, role: &str, who: Actor, reason: &str) {
        self.turn_on_as(app, role, who, reason, Some("shop".parse().unwrap()))
            .await;
    }

    async fn turn_on_as(
        &self,
        app: App,
        role: &str,
        who: Actor,
        reason: &str,
        product: Option<Product>,
    ) {
        let control = control(&self.sandbox, app.clone(), "ben@desk");
        let roles = roles(&app, true);
        let role: Vec<_> = roles
            .into_iter()
            .filter(|spec| spec.role.as_str() == role)
            .collect();
        let on = OnRequest {
            who,
            product,
            reason: Some(reason.to_owned()),
            read_only: false,
            options: Options::default(),
            link: None,
            accept_event_loss: true,
            shown: None,
        };
        turn_on(&control, &role, &on).await;
    }

    /// What is reserved for each function, as `name=N`.
    pub(crate) fn reserved(&self) -> Vec<String> {
        let fleet = self.sandbox.fleet();
        let each = fleet
            .iter()
            .map(|(name, function)| match function.reserved {
                Some(reserved) => format!("{name}={reserved}"),
                None => format!("{name} unset"),
            });
        each.collect()
    }
}

/// A browser without a script, with the cookie of a session or without.
pub(crate) struct Browser {
    router: Router,
    cookie: Option<String>,
}

impl Browser {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(self.request("GET", path).body(Body::empty()).unwrap())
            .await
    }

    /// Sends a form.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from("http://maintenance.example", path, fields)
            .await
    }

    /// Sends a form that is on a page of this site.
    pub(crate) async fn post_from(
        &mut self,
        origin: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let body = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)));
        let body = body.collect::<Vec<_>>().join("&");
        self.post_body(origin, path, "application/x-www-form-urlencoded", body)
            .await
    }

    /// Sends what no form sends.
    pub(crate) async fn post_body(
        &mut self,
        origin: &str,
        path: &str,
        media_type: &str,
        body: String,
    ) -> Answer {
        let request = self
            .request("POST", path)
            .header(header::CONTENT_TYPE, media_type)
            .header(header::ORIGIN, origin);
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Sends a form and goes where the answer sends it.
    pub(crate) async fn post_and_follow(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> (String, Answer) {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let to = answer.header("location").to_owned();
        let page = self.get(&to).await;
        (to, page)
    }

    /// The page once it works no more: each time it is reloaded, some time has passed.
    pub(crate) async fn when_done(&mut self, path: &str) -> Answer {
        loop {
            let answer = self.get(path).await;
            if !answer.body.contains("data-live=\"soon\"") {
                return answer;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::HOST, "maintenance.example");
        request = request.header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        request
    }

    async fn send(&mut self, request: Request<Body>) -> Answer {
        let answer = answer::send(&self.router, request).await;
        if answer.headers.contains_key(header::SET_COOKIE) {
            self.cookie = Some(answer.cookie());
        }
        answer
    }
}

/// As a form has it.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

impl Answer {
    /// The text of the page as a person reads it: without tags, on one line.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let main = self.body.split("<main").nth(1).unwrap_or(&self.body);
        let mut parts = main.split('<');
        text += parts
            .next()
            .map_or("", |first| first.split_once('>').map_or("", |it| it.1));
        for part in parts {
            let (tag, rest) = part.split_once('>').unwrap_or((part, ""));
            let is_inline = [
                "bdi", "/bdi", "time", "/time", "span", "/span", "b", "/b", "a", "/a", "code",
                "/code",
            ];
            if !is_inline.contains(&tag.split(' ').next().unwrap_or_default()) {
                text.push(' ');
            }
            text += rest;
        }
        let text = text
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#34;", "\"");
        let text = text.replace("&#39;", "'").replace("&#38;", "&");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Asserts that the page says all of this.
    #[track_caller]
    pub(crate) fn says(&self, all: &[&str]) {
        let text = self.text();
        for it in all {
            assert!(text.contains(it), "{it:?} is not in: {text}");
        }
    }

    /// Asserts that the page says none of this.
    #[track_caller]
    pub(crate) fn says_nothing_of(&self, all: &[&str]) {
        let text = self.text();
        for it in all {
            assert!(!text.contains(it), "{it:?} is in: {text}");
        }
    }

    /// The value of a hidden field.
    #[track_caller]
    pub(crate) fn hidden(&self, name: &str) -> String {
        let field = format!("name=\"{name}\" value=\"");
        let rest = self
            .body
            .split_once(&field)
            .unwrap_or_else(|| panic!("no {name}: {self:?}"))
            .1;
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}

pub(crate) fn app(name: &str, env: &str) -> App {
    App::new(name, env).unwrap()
}
