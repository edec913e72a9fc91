//! Requests to addresses that a configuration names: receivers of notifications, and what observers read.
//!
//! Those addresses are written by a person, but what is behind them changes: a name may resolve to the
//! metadata service of this machine, whose answer has credentials in it, and an answer may redirect there or
//! have no end. So the address that is connected to is checked, at each redirect too; redirects stay on their
//! host and never leave TLS; an answer has at most [`MAX_BODY`] bytes, and all of it has one time limit.
//!
//! Requests go by the proxy that the environment names, and trust the certificates that the calls to AWS trust.
//! Behind a proxy it is the proxy that resolves names: it has to keep link-local addresses away by itself.
//!
//! URLs hold secrets: the user, the query, and with Slack the path. No error here names more of one than its
//! host and port.
//!
//! Not here: retries, and what an answer means. A request is made over a connection of its own: requests are
//! rare.

mod connection;
mod guard;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use guard::Guarded;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The largest answer, in bytes.
pub const MAX_BODY: usize = 1_000_000;
/// How many redirects are followed.
const MAX_REDIRECTS: usize = 5;
/// What requests say they come from.
const AGENT: &str = concat!("maintenance/", env!("CARGO_PKG_VERSION"));

/// A client. Clones share what they trust.
#[derive(Clone)]
pub struct Outbound {
    proxies: Arc<Matcher>,
    trust: Arc<Trust>,
    names: guard::Names,
    answers: Option<Answers>,
}

/// What answers instead of the network. None: nothing does.
type Answers = Arc<dyn Fn(&Request) -> Option<Result<Answer, OutboundError>> + Send + Sync>;

/// What is asked for.
#[derive(Clone)]
pub struct Request {
    /// The method. Only GET and HEAD follow redirects: any other would be made again, or become a GET.
    pub method: Method,
    /// Where.
    pub url: Url,
    /// What goes with it.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whether it may reach this machine's own network link, where the metadata service is.
    pub allow_link_local: bool,
    /// Whether the body of the answer is read. If not, the answer is there with its head.
    pub reads_body: bool,
}

/// An answer, of any status.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, if it was read.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// It can never be requested.
    #[error("{0}")]
    BadUrl(&'static str),
    /// It is where credentials of this machine are.
    #[error(
        "{0} is a link-local or metadata address, which is reached only with allow_link_local = true"
    )]
    LinkLocal(IpAddr),
    /// It cannot be connected to.
    #[error("cannot connect to {host}")]
    Connect {
        /// The host and port.
        host: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The connection failed before the answer was complete.
    #[error("the connection to {host} broke")]
    Broken {
        /// The host and port.
        host: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// It did not answer in time.
    #[error("no complete answer from {host} within {} s", within.as_secs_f32())]
    Late {
        /// The host and port.
        host: String,
        /// The limit.
        within: Duration,
    },
    /// The answer has too many bytes.
    #[error("the answer of {host} is larger than {MAX_BODY} bytes")]
    TooLarge {
        /// The host and port.
        host: String,
    },
    /// A redirect is not followed.
    #[error("{host} redirects {why}, which is not followed")]
    Redirect {
        /// The host and port.
        host: String,
        /// Where, in words.
        why: &'static str,
    },
    /// The certificates of this machine cannot be used.
    #[error("cannot prepare TLS")]
    Tls(#[source] BoxError),
}

impl Request {
    /// A request for this URL, without headers and body.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            allow_link_local: false,
            reads_body: true,
        }
    }
}

impl Outbound {
    /// By the proxies that these variables name, those in lower case before the others, and with these
    /// certificates (each as PEM) trusted instead of the system's.
    #[must_use]
    pub fn new(variable: impl Fn(&str) -> Option<String>, roots: Option<&[String]>) -> Self {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let either = |lower: &str, upper: &str| get(lower).or_else(|| get(upper));
        // A server of CGI programs sets HTTP_PROXY to what a client's Proxy header says.
        let plain = match get("REQUEST_METHOD") {
            None => either("http_proxy", "HTTP_PROXY"),
            Some(_) => get("http_proxy"),
        };
        let proxies = Matcher::builder()
            .http(plain.unwrap_or_default())
            .https(either("https_proxy", "HTTPS_PROXY").unwrap_or_default())
            .no(either("no_proxy", "NO_PROXY").unwrap_or_default())
            .build();
        Self {
            proxies: Arc::new(proxies),
            trust: Arc::new(Trust {
                roots: roots.map(<[String]>::to_vec),
                config: OnceLock::new(),
            }),
            names: guard::Names::System,
            answers: None,
        }
    }

    /// The same, with names resolved by this instead of the system: for tests.
    #[must_use]
    pub fn with_names(self, names: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> Self {
        let names = guard::Names::Fixed(Arc::new(names));
        Self { names, ..self }
    }

    /// The same, answered by this instead of the network: for tests on a clock that is paused. None: there is no
    /// answer.
    #[must_use]
    pub fn with_answers(
        self,
        answers: impl Fn(&Request) -> Option<Result<Answer, OutboundError>> + Send + Sync + 'static,
    ) -> Self {
        let answers: Option<Answers> = Some(Arc::new(answers));
        Self { answers, ..self }
    }

    /// Makes the request, and reads the whole answer, both within this time.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn send(
        &self,
        mut request: Request,
        within: Duration,
    ) -> Result<Answer, OutboundError> {
        let host = host_of(&request.url);
        let sent = tokio::time::timeout(within, async {
            for _ in 0..=MAX_REDIRECTS {
                let answer = self.send_once(&request).await?;
                match next(&request, &answer)? {
                    Some(url) => request.url = url,
                    None => return Ok(answer),
                }
            }
            let why = "more than five times";
            Err(OutboundError::Redirect {
                host: host.clone(),
                why,
            })
        });
        let late = |_| OutboundError::Late {
            host: host.clone(),
            within,
        };
        sent.await.map_err(late)?
    }

    async fn send_once(&self, request: &Request) -> Result<Answer, OutboundError> {
        if let Some(answers) = &self.answers {
            return match answers(request) {
                Some(answer) => answer,
                None => std::future::pending().await,
            };
        }
        let url = &request.url;
        let host = host_of(url);
        let bad = OutboundError::BadUrl;
        let name = url.host().ok_or(bad("the URL has no host"))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(bad("the URL must begin with https:// or http://"));
        }
        if let Some(address) = guard::literal(&name)
            && guard::is_link_local(address)
            && !request.allow_link_local
        {
            return Err(OutboundError::LinkLocal(address));
        }
        let message = message(request)?;
        let proxy = match guard::is_local(&name) {
            true => None,
            false => self.proxies.intercept(message.uri()),
        };
        let route = connection::Route {
            proxy,
            resolver: Guarded::new(self.names.clone(), request.allow_link_local),
            // A proxy may be reached by TLS, too.
            tls: self.trust.config()?,
        };
        let response = route.round_trip(message, &name).await;
        let (response, _connection) = response
            .map_err(|error| guard::refused(error.source()).unwrap_or_else(|| error.of(host)))?;
        let (head, body) = response.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: match request.reads_body {
                true => read(body, &host_of(url)).await?,
                false => Bytes::new(),
            },
        })
    }
}

/// The request as it is sent to the server itself, with its URL in full.
fn message(request: &Request) -> Result<http::Request<Full<Bytes>>, OutboundError> {
    let mut url = request.url.clone();
    url.set_fragment(None);
    let user = (!url.username().is_empty() || url.password().is_some()).then(|| {
        let text = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
        let password = text(url.password().unwrap_or_default());
        let basic = [text(url.username()), password].join(&b':');
        format!("Basic {}", BASE64_STANDARD.encode(basic))
    });
    // They fail for a URL without a host.
    let _ = (url.set_username(""), url.set_password(None));
    let bad = |_| OutboundError::BadUrl("the URL has a character in it that cannot stand there");
    let mut message = http::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = url.as_str().parse().map_err(bad)?;
    let headers = message.headers_mut();
    headers.extend(request.headers.clone());
    let value = HeaderValue::try_from;
    if let Some(user) = user.and_then(|user| value(user).ok()) {
        headers.entry(AUTHORIZATION).or_insert(user);
    }
    if let Ok(host) = value(authority(&url)) {
        headers.entry(HOST).or_insert(host);
    }
    let agent = HeaderValue::from_static(AGENT);
    headers.entry(USER_AGENT).or_insert(agent);
    Ok(message)
}

/// Where a redirect leads that is to be followed.
fn next(request: &Request, answer: &Answer) -> Result<Option<Url>, OutboundError> {
    let is_redirect = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let is_read = [Method::GET, Method::HEAD].contains(&request.method);
    let to = answer.headers.get(LOCATION);
    let (true, true, Some(to)) = (is_redirect, is_read, to) else {
        return Ok(None);
    };
    let from = &request.url;
    let refuse = |why| {
        let host = host_of(from);
        OutboundError::Redirect { host, why }
    };
    let to = to.to_str().ok().and_then(|to| from.join(to).ok());
    let mut to = to.ok_or(refuse("to what is no URL"))?;
    if to.host() != from.host() {
        return Err(refuse("to another host"));
    }
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(refuse("away from TLS"));
    }
    // It is the same host: who may read the one may read the other.
    if to.username().is_empty() && to.password().is_none() {
        let _ = (
            to.set_username(from.username()),
            to.set_password(from.password()),
        );
    }
    Ok(Some(to))
}

async fn read(body: Incoming, host: &str) -> Result<Bytes, OutboundError> {
    let host = host.to_owned();
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(OutboundError::TooLarge { host }),
        Err(source) => Err(OutboundError::Broken { host, source }),
    }
}

/// The host and port of a URL: what an error may name of it.
#[must_use]
pub fn host_of(url: &Url) -> String {
    match url.host() {
        Some(_) => authority(url),
        None => "a URL without host".to_owned(),
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The certificates that are trusted, read at the first request that needs them.
struct Trust {
    roots: Option<Vec<String>>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    fn config(&self) -> Result<Arc<ClientConfig>, OutboundError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| OutboundError::Tls(error.into()))?
            .with_root_certificates(self.store())
            .with_no_client_auth();
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }

    fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        if let Some(roots) = &self.roots {
            let roots = roots.iter().map(|root| root.as_bytes());
            let roots = roots.filter_map(|root| CertificateDer::from_pem_slice(root).ok());
            store.add_parsable_certificates(roots);
            return store;
        }
        let system = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(system.certs);
        // An image may have none at all.
        if store.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        store
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &host_of(&self.url))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
