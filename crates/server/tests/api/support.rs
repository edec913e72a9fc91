//! A server of two products, and requests to it.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use maintenance_control::{Actor, OnRequest, Report};
use maintenance_flag::{App, Options, Prefix, Product, Scope};
use maintenance_sandbox::{FunctionSpec, Sandbox, Settings};
use maintenance_server::AppState;
use maintenance_server::access::{self, Access, AccessStore, NewToken};
use maintenance_server::catalog::{Catalog, ManagedProduct};
use maintenance_server::notify::{Kind, Notifier, Receiver, Target};
use maintenance_server::observers::{Configured, ObservationStore};
use maintenance_server::outbound::{self, Outbound};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::answer::{self, Answer};
use crate::managed::{clock, control, managed, roles, store};
use crate::turn_on::turn_on;

/// The product `shop` of the environment `prod`.
pub(crate) const SHOP: &str = "/api/environments/prod/product-deployments/shop";
/// Where its operation mode is set.
pub(crate) const SHOP_MODE: &str = "/api/environments/prod/product-deployments/shop/operation-mode";
/// The same of `bill`: see [`Server::with_bill`].
pub(crate) const BILL_MODE: &str = "/api/environments/prod/product-deployments/bill/operation-mode";

/// A server: `shop` of `prod` is the apps `shop` and `billing`, each with web and a worker role, and `try` of
/// `dev` is the app `try` with web alone.
pub(crate) struct Server {
    pub(crate) sandbox: Sandbox,
    pub(crate) state: AppState,
    tokens: AccessStore,
    router: Router,
    told: Arc<Mutex<Vec<Value>>>,
    /// The text of a token of scope write, of all products, `ana`.
    pub(crate) ana: String,
}

impl Server {
    pub(crate) async fn new() -> Self {
        Self::over(sandbox()).await
    }

    /// A server that has the product `bill` of `prod`, too, which is the app `billing`.
    pub(crate) async fn with_bill() -> Self {
        Self::of(sandbox(), true, |_| Vec::new()).await
    }

    /// A server that is started on what another one has left.
    pub(crate) async fn over(sandbox: Sandbox) -> Self {
        Self::of(sandbox, false, |_| Vec::new()).await
    }

    /// A server with these observers, which are not started.
    pub(crate) async fn observed_by(
        sandbox: Sandbox,
        observers: impl FnOnce(&Catalog) -> Vec<Configured>,
    ) -> Self {
        Self::of(sandbox, false, observers).await
    }

    async fn of(
        sandbox: Sandbox,
        has_bill: bool,
        observers: impl FnOnce(&Catalog) -> Vec<Configured>,
    ) -> Self {
        let product = |id: &str, title: &str, environment: &str, apps| ManagedProduct {
            id: id.parse().unwrap(),
            title: title.to_owned(),
            version: Some("2.4.1".to_owned()),
            environment: environment.to_owned(),
            apps,
            is_implied: false,
        };
        let shop = vec![
            Arc::new(managed(&sandbox, app("shop", "prod"), true, None)),
            Arc::new(managed(&sandbox, app("billing", "prod"), true, None)),
        ];
        let bill = vec![Arc::clone(&shop[1])];
        let try_out = vec![Arc::new(managed(&sandbox, app("try", "dev"), false, None))];
        let mut products = vec![
            product("shop", "Shop", "prod", shop),
            product("try", "Try out", "dev", try_out),
        ];
        if has_bill {
            products.push(product("bill", "Bill", "prod", bill));
        }
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let catalog = Catalog::new(products);
        let (configured, own) = (observers(&catalog), app("shop", "prod"));
        let seen = ObservationStore::new(store(&sandbox), &Prefix::default(), &own);
        let state = AppState::notifying(catalog, notifier(&sandbox, &told));
        let state = state.with_observers(configured, seen, clock(&sandbox));
        let control = control(&sandbox, app("shop", "prod"), "server");
        let store = AccessStore::new(store(&sandbox), &Prefix::default(), control.app().clone());
        let tokens = store.with_clock(clock(&sandbox));
        let access = Access::new(tokens.clone(), access::Options::default());
        let router = maintenance_server::router(state.clone(), &access);
        let mut server = Self {
            sandbox,
            state,
            tokens,
            router,
            told,
            ana: String::new(),
        };
        server.ana = server.token("ana", Scope::Write, None).await;
        server
    }

    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// What its receiver was told.
    pub(crate) fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap().clone()
    }

    /// A new token of this name, of one product or all. One of scope observe is of the observer of that name.
    pub(crate) async fn token(&self, name: &str, scope: Scope, product: Option<&str>) -> String {
        // A server that was started again makes it anew.
        let _ = self.tokens.revoke(name).await;
        let new = NewToken {
            name: name.parse().unwrap(),
            scope,
            observer: (scope == Scope::Observe).then(|| name.to_owned()),
            products: product.map(|id| [id.parse::<Product>().unwrap()].into()),
            expires: None,
            by: "ana@laptop".to_owned(),
        };
        let (secret, _) = self.tokens.create(new).await.expect("a token");
        // A server looks for tokens that it does not know every few seconds.
        tokio::time::advance(Duration::from_secs(10)).await;
        secret.reveal()
    }

    /// Sends a request. Whatever the answer, the OpenAPI document has its status.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = answer::send(&self.router, request).await;
        self.is_documented(method.as_str(), &path, &answer).await;
        answer
    }

    /// The answer as it comes, without its body.
    pub(crate) async fn open(&self, request: Request<Body>) -> http::Response<Body> {
        self.router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer")
    }

    async fn is_documented(&self, method: &str, path: &str, answer: &Answer) {
        static DOCUMENT: OnceLock<Value> = OnceLock::new();
        let document = match DOCUMENT.get() {
            Some(document) => document,
            None => {
                let document = self.document().await;
                DOCUMENT.get_or_init(|| document)
            }
        };
        let paths = document["paths"].as_object().expect("paths");
        let is_it = |template: &str| {
            let (of, is): (Vec<_>, Vec<_>) =
                (template.split('/').collect(), path.split('/').collect());
            let mut parts = of.iter().zip(&is);
            of.len() == is.len() && parts.all(|(of, is)| of.starts_with('{') || of == is)
        };
        let Some((template, item)) = paths.iter().find(|(template, _)| is_it(template)) else {
            return;
        };
        let operation = &item[method.to_ascii_lowercase()];
        if answer.status == 405 {
            return assert!(operation.is_null(), "{method} {template}");
        }
        let responses = &operation["responses"];
        let status = answer.status.to_string();
        assert!(
            !responses[&status].is_null(),
            "{method} {template}: {status} {}",
            answer.body
        );
    }

    pub(crate) async fn document(&self) -> Value {
        let response = self
            .open(request("GET", "/api/openapi.json", None, None))
            .await;
        let body = response.into_body().collect().await.expect("a body");
        serde_json::from_slice(&body.to_bytes()).expect("JSON")
    }

    /// GET, with the token.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(request("GET", path, Some(token), None)).await
    }

    /// GET by ana, which is answered 200.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let answer = self.get(path, &self.ana).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// PUT, with the token.
    pub(crate) async fn put(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(request("PUT", path, Some(token), Some(&body)))
            .await
    }

    /// PUT of the operation mode of `shop` by ana.
    pub(crate) async fn set(&self, body: Value) -> Answer {
        self.put(SHOP_MODE, &self.ana, body).await
    }

    /// Puts `shop` into maintenance.
    pub(crate) async fn enter(&self) -> Answer {
        let answer = self
            .set(json!({"mode": "Maintenance", "reason": "schema 42"}))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// Ends the maintenance of `shop`.
    pub(crate) async fn leave(&self) -> Answer {
        self.set(json!({"mode": "Normal"})).await
    }

    /// Turns maintenance of a role on by the command, elsewhere.
    pub(crate) async fn command_on(&self, app: App, role: &str) -> Report {
        self.elsewhere().on(app, role).await
    }

    /// Puts `bill` into maintenance, or ends it.
    pub(crate) async fn set_bill(&self, mode: &str) -> Answer {
        let mode = json!({"mode": mode});
        self.put(BILL_MODE, &self.ana, mode).await
    }

    /// Another machine, where ben works by the command.
    pub(crate) fn elsewhere(&self) -> Elsewhere {
        Elsewhere(self.sandbox.clone())
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

    /// The stored flag.
    pub(crate) fn flag(&self, app: &str, role: &str) -> Value {
        let name = format!("/maintenance/{app}/flags/{role}");
        let parameters = self.sandbox.parameters();
        let stored = parameters.get(&name).unwrap_or_else(|| panic!("no {name}"));
        serde_json::from_str(&stored.value).expect("JSON")
    }
}

/// Another machine, where ben works by the command.
pub(crate) struct Elsewhere(Sandbox);

impl Elsewhere {
    pub(crate) async fn on(&self, app: App, role: &str) -> Report {
        let control = control(&self.0, app.clone(), "ben@desk");
        let mut roles = roles(&app, true);
        roles.retain(|spec| spec.role.as_str() == role);
        let on = OnRequest {
            who: Actor::Person,
            product: None,
            reason: Some("by itself".to_owned()),
            read_only: false,
            options: Options::default(),
            link: None,
            accept_event_loss: false,
            shown: None,
        };
        turn_on(&control, &roles, &on).await
    }
}

pub(crate) fn sandbox() -> Sandbox {
    sandbox_at(Timestamp::now())
}

/// A sandbox where it is this time now.
pub(crate) fn sandbox_at(now: Timestamp) -> Sandbox {
    let clock = maintenance_sandbox::Clock::tokio_from(now);
    let sandbox = Sandbox::new(Settings {
        clock,
        ..Settings::quick()
    });
    for (name, reserved) in [
        ("shop-prod-mail", 5),
        ("shop-prod-sync", 7),
        ("billing-prod-pdf", 3),
    ] {
        sandbox.seed(FunctionSpec::new(name).reserved(reserved));
    }
    sandbox
}

pub(crate) fn app(name: &str, env: &str) -> App {
    App::new(name, env).unwrap()
}

/// A request, with a token and a body or without.
pub(crate) fn request(
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    match body {
        None => request.body(Body::empty()),
        Some(body) => {
            let request = request.header(header::CONTENT_TYPE, "application/json");
            request.body(Body::from(body.to_string()))
        }
    }
    .unwrap()
}

/// Tells a webhook everything, which answers as it should.
fn notifier(sandbox: &Sandbox, told: &Arc<Mutex<Vec<Value>>>) -> Notifier {
    let told = Arc::clone(told);
    let outbound = Outbound::new(|_| None, None).with_answers(move |request| {
        let body = serde_json::from_slice(&request.body).expect("JSON");
        told.lock().unwrap().push(body);
        Some(Ok(outbound::Answer {
            status: http::StatusCode::NO_CONTENT,
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
        }))
    });
    let receiver = Receiver {
        name: "team".to_owned(),
        target: Target::Webhook {
            url: "https://hooks.test/".parse().unwrap(),
            secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="
                .parse()
                .unwrap(),
        },
        on: Kind::ALL.to_vec(),
        allow_link_local: false,
    };
    Notifier::new(vec![receiver], outbound, clock(sandbox))
}
