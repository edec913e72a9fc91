//! HTTP/1.1 for the light sources, with hyper-util's client. The client keeps no connection: in a frozen
//! environment a connection may die unseen, and a new one takes a few milliseconds.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;

use super::BoxError;
use super::reason::chain;

/// The connector divides this time among the addresses of one family. Of two, it leaves the first after 150 ms, so that
/// the second has its time within the gate's default refresh budget of 250 ms. To connect to a single address may take
/// longer than that budget: a later refresh then gets the answer.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
/// How long the connector waits before it also tries an address of the other family.
const HAPPY_EYEBALLS: Duration = Duration::from_millis(50);
/// The largest head and the largest body of an answer, in bytes. A flag has at most 4,096 bytes, six times that if JSON
/// escapes every one.
const MAX_BYTES: usize = 65_536;

pub(super) type HttpClient<C> = Client<C, Full<Bytes>>;

pub(super) fn connector() -> HttpConnector {
    resolving_by(GaiResolver::new())
}

fn resolving_by<R>(resolver: R) -> HttpConnector<R> {
    let mut connector = HttpConnector::new_with_resolver(resolver);
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

/// Sends a request and returns the whole answer, of any status. The gate limits the time.
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
    let response = client.request(request).await;
    let (head, body) = response.map_err(|error| chain(&error))?.into_parts();
    let body = Limited::new(body, MAX_BYTES).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => format!("an answer of more than {MAX_BYTES} bytes"),
        false => chain(&*error),
    })?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::{IpAddr, SocketAddr};

    use hyper_util::client::legacy::connect::dns::Name;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    use super::*;
    use crate::core::{Decision, Gate};
    use crate::source::{Fetch, FlagSource, get_parameter};

    /// An address whose queue of connections is full, so that a new one is never answered.
    async fn black_hole(port: u16) -> (TcpListener, TcpStream) {
        let socket = TcpSocket::new_v4().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 2], port));
        socket.bind(address).unwrap();
        let listener = socket.listen(0).unwrap();
        (listener, TcpStream::connect(address).await.unwrap())
    }

    /// Answers each connection with a flag that is on.
    async fn serve(listener: TcpListener) {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.read_u8().await.unwrap();
            let body = r#"{"Parameter":{"Value":"on"}}"#;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).await.unwrap();
        }
    }

    /// Reads the flag from a host that has these addresses, in this order.
    #[derive(Clone)]
    struct Host(Vec<IpAddr>, u16);

    impl FlagSource for Host {
        fn fetch(&self, _: &str) -> Fetch {
            let Self(addresses, port) = self.clone();
            let addresses = addresses.into_iter().map(|ip| SocketAddr::from((ip, 0)));
            let resolver = tower::service_fn(move |_: Name| {
                std::future::ready(Ok::<_, Infallible>(addresses.clone()))
            });
            let client = client(resolving_by(resolver));
            Box::pin(async move {
                let request = Request::get(format!("http://ssm.example:{port}/"));
                let answer = round_trip(&client, request.body(Full::default())?).await?;
                get_parameter::read(answer.body()).map(Some)
            })
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_first_request_sees_the_flag_though_the_first_address_is_a_black_hole() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let _hole = black_hole(port).await;
        tokio::spawn(serve(listener));
        let [hole, store] = [[127, 0, 0, 2], [127, 0, 0, 1]].map(IpAddr::from);
        let sees = async |addresses: &[IpAddr]| {
            let source = Host(addresses.to_vec(), port);
            let gate = Gate::builder().app("demo").env("dev").source(source);
            // With the budget that it has unless set.
            let gate = gate.build().unwrap();
            let decision = gate.check(&mut Request::new(())).await;
            matches!(decision, Decision::Block(_))
        };
        assert!(!sees(&[hole]).await, "it is a black hole");
        // The quickest counts: on a busy machine one of them may get the processor too late.
        let mut seen = false;
        for _ in 0..3 {
            seen = seen || sees(&[hole, store]).await;
        }
        assert!(seen);
    }
}
