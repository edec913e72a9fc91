//! What an operator's SDK talks through: an HTTP connector before the sandbox's own that can die at a
//! call, wait for its turn, and carry a request otherwise than it was meant.
//!
//! A dead process is one whose calls are never answered again; a broken build is one whose requests
//! are rewritten here. So the product needs no switch for either.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use futures_util::future::{BoxFuture, FutureExt};
use maintenance_control::FileHooks;
use maintenance_sandbox::Sandbox;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::scheduler::Scheduler;

/// Before or after a call takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Before,
    After,
}

/// A build that loses data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Saves what a function had only after the first function was touched.
    SavesAfterTouching,
    /// Marks the function of `invoke` only after 1 was reserved for it.
    MarksTooLate,
    /// Saves 0 where the reservation was unset.
    ZeroForUnset,
    /// Writes what `on` finds the second time over what was saved the first time.
    OverwritesOnSecondOn,
    /// Creates a lease over one of the same name.
    OverwritesLease,
    /// Does not look at the lease once it has the lock of a file store.
    SkipsLeaseUnderLock,
}

/// A call that an operator made, to AWS or to the folder.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) by: String,
    pub(crate) operation: String,
    pub(crate) target: String,
    /// It changed something.
    pub(crate) changed: bool,
}

/// The calls to a folder, each with the number of the last call to AWS before it.
#[derive(Debug, Default)]
pub(crate) struct FileCalls(Mutex<Vec<(u64, Call)>>);

impl FileCalls {
    fn note(&self, sandbox: &Sandbox, by: &str, call: &str, changed: bool) {
        let after = sandbox.calls().last().map_or(0, |it| it.call.seq);
        let (operation, rest) = call.split_once(' ').unwrap_or((call, ""));
        let target = match operation {
            "delete" => rest,
            _ => target_of(call),
        };
        let call = Call {
            by: by.to_owned(),
            operation: operation.to_owned(),
            target: target.to_owned(),
            changed,
        };
        self.all().push((after, call));
    }

    pub(crate) fn all(&self) -> MutexGuard<'_, Vec<(u64, Call)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name that a call to a folder is about.
fn target_of(call: &str) -> &str {
    call.split(' ').nth(1).unwrap_or_default()
}

/// One operator's way to AWS, and to the folder if that is the store.
#[derive(Debug)]
pub(crate) struct Wire {
    sandbox: Sandbox,
    by: String,
    /// The folder, if that is the store, and the calls to it.
    folder: Option<PathBuf>,
    file_calls: Arc<FileCalls>,
    broken: Option<Broken>,
    scheduler: Option<Arc<Scheduler>>,
    died: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: u64,
    cut: Option<(u64, Side)>,
    dead: bool,
    /// The call that is answered 200 with this body, before or after its effect.
    empty: Option<(u64, Side, &'static str)>,
    /// The call that is sent once more, if it is a write, and after how many others.
    repeat: Option<(u64, u64)>,
    /// A write that is to be sent once more, and at which call.
    late: Option<(u64, HttpRequest, SharedHttpConnector)>,
    /// Parameters that a build which saves too late has not sent yet.
    unsent: Vec<HttpRequest>,
}

impl Wire {
    pub(crate) fn new(
        sandbox: &Sandbox,
        by: &str,
        folder: Option<&Path>,
        file_calls: Arc<FileCalls>,
        broken: Option<Broken>,
        scheduler: Option<Arc<Scheduler>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            sandbox: sandbox.clone(),
            by: by.to_owned(),
            folder: folder.map(Path::to_owned),
            file_calls,
            broken,
            scheduler,
            died: Notify::new(),
            state: Mutex::default(),
        })
    }

    pub(crate) fn http_client(self: &Arc<Self>) -> SharedHttpClient {
        SharedHttpClient::new(Client(self.clone()))
    }

    /// Its process dies at its `nth` call from now.
    pub(crate) fn die_at(&self, nth: u64, side: Side) {
        let mut state = self.state();
        state.cut = Some((state.calls + nth, side));
    }

    /// Its `nth` call from now is answered with this and nothing of AWS's, as a proxy may.
    pub(crate) fn answer_empty_at(&self, nth: u64, side: Side, body: &'static str) {
        let mut state = self.state();
        state.empty = Some((state.calls + nth, side, body));
    }

    /// Its `nth` call from now, if it is a write, is carried out again after so many others.
    pub(crate) fn repeat_at(&self, nth: u64, later: u64) {
        let mut state = self.state();
        state.repeat = Some((state.calls + nth, later));
    }

    /// Whether its process has died.
    pub(crate) fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// How many calls it made.
    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// A write that has still to be carried out again is carried out now. Whether there was one.
    pub(crate) async fn repeat_now(&self) -> bool {
        let Some((_, request, inner)) = self.state().late.take() else {
            return false;
        };
        let _nobody_waits_for_it = inner.call(request).await;
        true
    }

    /// Keeps a write that is to be carried out again.
    fn keep(&self, n: u64, request: &HttpRequest, inner: &SharedHttpConnector) {
        let mut state = self.state();
        if let Some((nth, later)) = state.repeat
            && nth == n
            && changes(request)
        {
            let again = request.try_clone().expect("its body is in memory");
            state.late = Some((n + later, again, inner.clone()));
        }
    }

    /// Runs an operation until it ends, or until its process dies: then it is dropped.
    pub(crate) async fn until_death<T>(&self, operation: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.died.notified() => None,
            done = operation => Some(done),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn die(&self) -> ! {
        self.state().dead = true;
        self.died.notify_one();
        std::future::pending().await
    }

    async fn carry(
        &self,
        inner: &SharedHttpConnector,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        let (words, changes) = (|| asked(&request), changes(&request));
        let words = self.scheduler.as_ref().map(|_| words());
        let send = self.send_or_replace(inner, request);
        let answer = self.make(words.as_deref(), changes, send, answered).await;
        self.send_late(inner).await;
        answer
    }

    /// Makes a call, to AWS or to the folder, unless the process is dead or dies at it.
    async fn make<T>(
        &self,
        asked: Option<&str>,
        changes: bool,
        effect: impl Future<Output = T>,
        answered: impl Fn(&T) -> String,
    ) -> T {
        let (n, cut, dead) = {
            let mut state = self.state();
            state.calls += 1;
            (state.calls, state.cut, state.dead)
        };
        if dead {
            std::future::pending::<()>().await;
        }
        if cut == Some((n, Side::Before)) {
            self.die().await;
        }
        let scheduler = self.scheduler.as_ref().zip(asked);
        let scheduler = scheduler.map(|(it, asked)| (it, it.number(), asked));
        if let Some((scheduler, nth, asked)) = scheduler
            && !changes
        {
            scheduler.before(nth, asked).await;
        }
        let answer = effect.await;
        if cut == Some((n, Side::After)) {
            self.die().await;
        }
        if let Some((scheduler, nth, asked)) = scheduler {
            scheduler.after(nth, asked, &answered(&answer)).await;
        }
        answer
    }

    /// Sends a request, unless its answer is to be another; and again what is due to be sent again.
    async fn send_or_replace(
        &self,
        inner: &SharedHttpConnector,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        // It has just been counted.
        let n = self.calls();
        let late = self.state().late.as_ref().map(|(at, ..)| *at);
        if late.is_some_and(|at| at <= n) {
            self.repeat_now().await;
        }
        self.keep(n, &request, inner);
        let empty = self.state().empty.filter(|(nth, ..)| *nth == n);
        let Some((_, side, body)) = empty else {
            return self.send(inner, request).await;
        };
        if side == Side::After {
            let _replaced = self.send(inner, request).await;
        }
        let ok = StatusCode::try_from(200).expect("a status");
        Ok(HttpResponse::new(ok, SdkBody::from(body)))
    }

    async fn send(
        &self,
        inner: &SharedHttpConnector,
        mut request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        if let (Some(Broken::OverwritesLease), Some(mut body)) =
            (self.broken, put_below("/lease/", &request))
        {
            body["Overwrite"] = true.into();
            *request.body_mut() = SdkBody::from(body.to_string());
        } else if let (Some(broken), Some(mut body)) =
            (self.broken, put_below("/capacity/", &request))
        {
            match broken {
                Broken::OverwritesLease | Broken::SkipsLeaseUnderLock => {}
                Broken::MarksTooLate if !body["Value"].to_string().contains("invoking") => {}
                Broken::SavesAfterTouching | Broken::MarksTooLate => {
                    self.state().unsent.push(request);
                    return Ok(saved());
                }
                Broken::ZeroForUnset => {
                    let value = body["Value"].as_str().unwrap_or_default();
                    body["Value"] = value.replace(r#""unset""#, "0").into();
                }
                Broken::OverwritesOnSecondOn => {
                    let name = body["Name"].as_str().unwrap_or_default();
                    let window = name.rsplit_once('/').map_or(name, |(window, _)| window);
                    body["Name"] = format!("{window}/1").into();
                    body["Overwrite"] = true.into();
                }
            }
            *request.body_mut() = SdkBody::from(body.to_string());
        }
        inner.call(request).await
    }

    /// Once a function was touched, what should have been sent before.
    async fn send_late(&self, inner: &SharedHttpConnector) {
        let by_itself = match self.broken {
            Some(Broken::SavesAfterTouching) => false,
            Some(Broken::MarksTooLate) => true,
            _ => return,
        };
        let touched = self.sandbox.writes().iter().any(|record| {
            let of_lambda = record.call.service == maintenance_sandbox::Service::Lambda;
            record.took_effect && of_lambda && (!by_itself || record.call.caller == self.by)
        });
        if touched {
            let unsent = std::mem::take(&mut self.state().unsent);
            for request in unsent {
                let _answered_already = inner.call(request).await;
            }
        }
    }
}

impl FileHooks for Wire {
    fn call<'a>(&'a self, call: &'a str, effect: BoxFuture<'a, String>) -> BoxFuture<'a, ()> {
        let changes = !call.starts_with("get ") && !call.starts_with("list ");
        let effect = async move {
            if let (Some(Broken::OverwritesLease), Some(folder)) = (self.broken, &self.folder)
                && call.starts_with("create ")
                && target_of(call).contains("/lease/")
            {
                let path = folder.join(target_of(call).trim_start_matches('/'));
                let _it_may_not_be_there = std::fs::remove_file(path);
            }
            let outcome = effect.await;
            let changed =
                changes && outcome.starts_with("Ok(") && !outcome.starts_with("Ok(Exists");
            self.file_calls.note(&self.sandbox, &self.by, call, changed);
            outcome
        };
        let made = self.make(Some(call), changes, effect, String::clone);
        made.map(drop).boxed()
    }

    fn room(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn skips_lease_under_lock(&self) -> bool {
        self.broken == Some(Broken::SkipsLeaseUnderLock)
    }
}

fn words(body: &SdkBody) -> String {
    String::from_utf8_lossy(body.bytes().unwrap_or_default()).into_owned()
}

/// A request in words.
fn asked(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let (method, uri) = (request.method(), request.uri());
    format!("{method} {uri} {target} {}", words(request.body()))
}

/// An answer in words.
fn answered(answer: &Result<HttpResponse, ConnectorError>) -> String {
    match answer {
        Ok(answer) => format!("{} {}", answer.status(), words(answer.body())),
        Err(error) => error.to_string(),
    }
}

/// Whether a request may change anything.
fn changes(request: &HttpRequest) -> bool {
    match request.headers().get("x-amz-target") {
        Some(target) => !target.contains(".Get"),
        None => request.method() != "GET",
    }
}

/// The body, if this creates a parameter whose name has this part.
fn put_below(part: &str, request: &HttpRequest) -> Option<Value> {
    let target = request.headers().get("x-amz-target")?;
    let body: Value = serde_json::from_slice(request.body().bytes()?).ok()?;
    let is_below = body["Name"].as_str()?.contains(part) && body["Overwrite"] == false;
    (target == "AmazonSSM.PutParameter" && is_below).then_some(body)
}

/// What Parameter Store answers when it has created a parameter.
fn saved() -> HttpResponse {
    let body = json!({"Version": 1, "Tier": "Standard"}).to_string();
    let ok = StatusCode::try_from(200).expect("a status");
    HttpResponse::new(ok, SdkBody::from(body))
}

#[derive(Debug, Clone)]
struct Client(Arc<Wire>);

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.0.sandbox.http_client();
        SharedHttpConnector::new(Connector {
            wire: self.0.clone(),
            inner: inner.http_connector(settings, components),
        })
    }
}

#[derive(Debug, Clone)]
struct Connector {
    wire: Arc<Wire>,
    inner: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { wire, inner } = self.clone();
        HttpConnectorFuture::new(async move { wire.carry(&inner, request).await })
    }
}
