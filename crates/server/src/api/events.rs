//! `GET /api/events`: server-sent events, written once for all readers.
//!
//! One task listens to the operations and looks at the flags while there are readers; each change is written
//! once, and every reader gets the same bytes. A reader that falls behind, or comes back, is told to read anew
//! what it shows (`resync`): what it missed is not kept.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, header};
use maintenance_control::CancellationToken;
use maintenance_flag::{App, Product};
use serde::Serialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use utoipa::ToSchema;

use super::observers::ObserverView;
use super::operations::OperationView;
use super::responses::Reads;
use crate::AppState;
use crate::access::Caller;
use crate::catalog::ManagedProduct;
use crate::observers::View;
use crate::operations::{Change, Operation, Patience};
use crate::statuses::OperationMode;

/// How many events a reader may be behind.
const BACKLOG: usize = 64;
/// How often the flags are looked at while there are readers: the command, or another server, may change them.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often a connection without events is kept open: proxies close idle ones after a minute.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
/// What a browser sends when it comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const COMMENT: Bytes = Bytes::from_static(b":\n\n");
/// As if the connection were lost, every five seconds.
const POLL: &str = "retry: 5000\nevent: resync\ndata: {}\n\n";
const RESYNC: Bytes = Bytes::from_static(b"event: resync\ndata: {}\n\n");

/// An event as it is sent, to the callers that may see one of these products.
#[derive(Debug)]
struct Frame {
    text: Bytes,
    products: Vec<Product>,
}

/// The events of this server. It is empty until the first reader comes.
#[derive(Debug, Clone, Default)]
pub struct Feed(Arc<OnceLock<broadcast::Sender<Arc<Frame>>>>);

/// A product's operation mode is this now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModeEvent<'a> {
    product_deployment_id: &'a str,
    environment_id: &'a str,
    operation_mode: OperationMode,
}

/// Server-sent events. `operation`: an operation went on or ended, as `GET /api/operations/{id}` has it, without
/// the results. `mode`: `productDeploymentId`, `environmentId` and the new `operationMode`. `observer`: an observer
/// has checked, or what it began has ended, as the list of observers has it. `resync`: some events
/// were missed; read anew what you show.
#[utoipa::path(
    get,
    path = "/api/events",
    operation_id = "getEvents",
    responses(
        (status = 200, description = "Events, without end.", content_type = "text/event-stream", body = String),
        Reads
    )
)]
pub(super) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    patience: Patience,
    headers: HeaderMap,
) -> Response {
    let sse = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx would gather events until its buffer is full.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    if let Patience::StopBefore(_) = patience {
        // An answer of a function has an end: the reader comes back, and reads anew.
        return (sse, POLL).into_response();
    }
    let frames = state.feed.subscribe(&state);
    let first = match headers.contains_key(LAST_EVENT_ID) {
        true => RESYNC,
        false => COMMENT,
    };
    let reader = Reader {
        first: Some(first),
        frames,
        caller,
        stopping: state.operations.stopping(),
    };
    let events = futures_util::stream::unfold(reader, |mut reader| async {
        let next = reader.next().await?;
        Some((Ok::<_, Infallible>(next), reader))
    });
    (sse, Body::from_stream(events)).into_response()
}

struct Reader {
    first: Option<Bytes>,
    frames: broadcast::Receiver<Arc<Frame>>,
    caller: Caller,
    stopping: CancellationToken,
}

impl Reader {
    /// What is sent next; none once the server stops.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let keep_alive = tokio::time::sleep(KEEP_ALIVE_EVERY);
        tokio::pin!(keep_alive);
        loop {
            tokio::select! {
                biased;
                frame = self.frames.recv() => match frame {
                    Ok(frame) if frame.products.iter().any(|it| self.caller.may_read(it)) => {
                        return Some(frame.text.clone());
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return Some(RESYNC),
                    Err(RecvError::Closed) => return None,
                },
                () = self.stopping.cancelled() => return None,
                () = &mut keep_alive => return Some(COMMENT),
            }
        }
    }
}

impl Feed {
    fn subscribe(&self, state: &AppState) -> broadcast::Receiver<Arc<Frame>> {
        let sender = self.0.get_or_init(|| {
            let sender = broadcast::Sender::new(BACKLOG);
            let writer = Writer {
                state: state.clone(),
                frames: sender.clone(),
                modes: BTreeMap::new(),
                id: 0,
            };
            tokio::spawn(writer.run());
            sender
        });
        sender.subscribe()
    }
}

/// Writes each change once.
struct Writer {
    state: AppState,
    frames: broadcast::Sender<Arc<Frame>>,
    /// The modes that were sent last.
    modes: BTreeMap<Product, OperationMode>,
    id: u64,
}

impl Writer {
    async fn run(mut self) {
        let mut changes = self.state.operations.changes();
        let mut observed = self.state.observers.changes();
        let stopping = self.state.operations.stopping();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                change = changes.recv() => match change {
                    Ok(Change::Progress(operation)) => self.operation(&operation),
                    Ok(Change::Ended(operation)) => {
                        self.operation(&operation);
                        for product in self.products_of(&operation) {
                            self.look(&product).await;
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.send("resync", &serde_json::json!({}), self.all()),
                    Err(RecvError::Closed) => return,
                },
                Ok(view) = observed.recv() => self.observer(&view),
                _ = look.tick() => {
                    if self.frames.receiver_count() > 0 {
                        let products: Vec<_> = self.state.catalog.products().cloned().collect();
                        for product in products {
                            self.look(&product).await;
                        }
                    }
                }
                () = stopping.cancelled() => return,
            }
        }
    }

    fn operation(&mut self, operation: &Operation) {
        let products = self.products_of(operation);
        let products = products.iter().map(|product| product.id.clone()).collect();
        self.send(
            "operation",
            &OperationView::progress(operation, false),
            products,
        );
    }

    fn observer(&mut self, view: &View) {
        let products = self.state.catalog.products();
        let products = products.filter(|product| view.place.is_of(product));
        let products = products.map(|product| product.id.clone()).collect();
        self.send("observer", &ObserverView::of(view), products);
    }

    /// Looks at the flags of a product, and says if its mode has changed since the last look.
    async fn look(&mut self, product: &Arc<ManagedProduct>) {
        let mode = self.state.statuses.product(product).await.mode();
        let before = self.modes.insert(product.id.clone(), mode);
        if before.is_none_or(|before| before == mode) {
            return;
        }
        let event = ModeEvent {
            product_deployment_id: product.id.as_str(),
            environment_id: &product.environment,
            operation_mode: mode,
        };
        self.send("mode", &event, vec![product.id.clone()]);
    }

    fn send(&mut self, event: &str, data: &impl Serialize, products: Vec<Product>) {
        let Ok(data) = serde_json::to_string(data) else {
            return;
        };
        self.id += 1;
        let text = format!("id: {}\nevent: {event}\ndata: {data}\n\n", self.id).into();
        // It fails where there is no reader.
        let _ = self.frames.send(Arc::new(Frame { text, products }));
    }

    /// The products that an operation is about: its own, or those that have its app.
    fn products_of(&self, operation: &Operation) -> Vec<Arc<ManagedProduct>> {
        if let Some(product) = &operation.target.product {
            return vec![Arc::clone(product)];
        }
        let of = |app: &App| {
            self.state
                .catalog
                .products_of(app)
                .cloned()
                .collect::<Vec<_>>()
        };
        let mut apps = operation.target.apps.iter();
        apps.next().map_or_else(Vec::new, |(app, _)| of(app.app()))
    }

    fn all(&self) -> Vec<Product> {
        self.state
            .catalog
            .products()
            .map(|product| product.id.clone())
            .collect()
    }
}
