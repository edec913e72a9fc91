//! HTTP/1.1 for the light sources, by hyper-util's client. It keeps no connection: in a frozen
//! environment one may die unseen, and a new one takes a few milliseconds.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::BoxError;
use super::reason::chain;

/// Far above the gate's budget: it only ends a fetch that no request waits for any more.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// For all addresses of a host together, so that one of two that leads nowhere leaves the other its time
/// within the gate's budget.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
/// When an address of the other family is tried beside the first.
const HAPPY_EYEBALLS: Duration = Duration::from_millis(50);
/// The largest head and the largest body of an answer, in bytes. A flag is 4,096 bytes at most, and
/// six times that if JSON has to escape every byte of it.
const MAX_BYTES: usize = 65_536;

pub(super) type HttpClient<C> = Client<C, Full<Bytes>>;

pub(super) fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_happy_eyeballs_timeout(Some(HAPPY_EYEBALLS));
    connector
}

pub(super) fn client<C: Connect + Clone>(connector: C) -> HttpClient<C> {
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .http1_max_buf_size(MAX_BYTES)
        .build(connector)
}

/// One exchange: the whole answer, whatever its status.
pub(super) async fn round_trip<C>(
    client: &HttpClient<C>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, BoxError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    if tokio::runtime::Handle::try_current().is_err() {
        return Err("this source needs a tokio runtime".into());
    }
    let exchange = async {
        let response = client.request(request).await;
        let (head, body) = response.map_err(|error| chain(&error))?.into_parts();
        let body = Limited::new(body, MAX_BYTES).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => format!("an answer of more than {MAX_BYTES} bytes"),
            false => chain(&*error),
        })?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    timeout(FETCH_TIMEOUT, exchange)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", FETCH_TIMEOUT.as_secs()).into()))
}
