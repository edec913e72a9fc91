//! How requests reach AWS: by which proxy, and whose certificates are trusted.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;
use http::Uri;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::credentials::{Origin, check_identity};
use super::environment::{Environment, PROXIES};
use super::setting::{SettingError, check_url};

/// Where the metadata of a machine names its role.
const ROLE_OF_MACHINE: &str = "/iam/security-credentials/";

/// An HTTP client that reads the system's trust roots at the first `https` request: reading them takes
/// milliseconds, which a command against a local endpoint need not spend. Clones share its connections.
#[derive(Debug, Clone)]
pub(super) struct Http {
    clients: Arc<Clients>,
    origin: Origin,
}

/// A client a route, each made when it is first needed and kept with its connections: the SDK asks for a
/// connector at every call.
#[derive(Debug, Default)]
struct Clients {
    routes: Routes,
    /// Secure and plain, each straight and by proxy.
    made: [OnceLock<SharedHttpClient>; 4],
}

/// By which way requests go.
#[derive(Debug, Default)]
struct Routes {
    /// The proxy of `http` requests.
    plain: Option<ProxyConfig>,
    /// The proxy of `https` requests.
    secure: Option<ProxyConfig>,
    /// Certificates that are trusted instead of the system's, each as PEM.
    roots: Option<Vec<String>>,
}

impl Http {
    /// As the variables and the profile say.
    pub(super) fn new(environment: &Environment) -> Result<Self, SettingError> {
        let [plain_lower, plain, secure_lower, secure, ..] = PROXIES;
        // A server of CGI programs sets HTTP_PROXY to what a client's Proxy header says.
        let is_cgi = environment.get("REQUEST_METHOD").is_some();
        let plain = match is_cgi {
            true => &[plain_lower][..],
            false => &[plain_lower, plain],
        };
        let routes = Routes {
            plain: proxy(environment, plain)?,
            secure: proxy(environment, &[secure_lower, secure])?,
            roots: roots(environment)?,
        };
        let made = Default::default();
        Ok(Self {
            clients: Arc::new(Clients { routes, made }),
            origin: environment.origin(),
        })
    }
}

/// The proxy that the first of these variables names.
fn proxy(environment: &Environment, names: &[&str]) -> Result<Option<ProxyConfig>, SettingError> {
    let Some((name, address)) = first(environment, names) else {
        return Ok(None);
    };
    let address = match address.contains("://") {
        true => address.to_owned(),
        false => format!("http://{address}"),
    };
    check_url(&address).map_err(|problem| SettingError::variable(name, problem))?;
    let proxy = ProxyConfig::all(address);
    let proxy = proxy.map_err(|_| SettingError::variable(name, "it is no URL"))?;
    let [.., no_lower, no] = PROXIES;
    Ok(Some(match first(environment, &[no_lower, no]) {
        Some((_, hosts)) => proxy.no_proxy(hosts),
        None => proxy,
    }))
}

fn first<'a>(environment: &'a Environment, names: &[&'a str]) -> Option<(&'a str, &'a str)> {
    let mut values = names.iter().map(|name| (*name, environment.get(name)));
    values.find_map(|(name, value)| Some((name, value?)))
}

/// The certificates of the bundle that the variable or the profile names.
fn roots(environment: &Environment) -> Result<Option<Vec<String>>, SettingError> {
    let (name, path) = match environment.get("AWS_CA_BUNDLE") {
        Some(path) => ("AWS_CA_BUNDLE".to_owned(), path),
        None => match environment.of_profile("ca_bundle") {
            Some(path) => (environment.name_of("ca_bundle"), path),
            None => return Ok(None),
        },
    };
    let refuse = |problem: String| {
        let hint =
            "name a file of certificates in PEM, or leave it out to trust those of the system";
        SettingError::new(&name, problem, hint)
    };
    let text = std::fs::read(path).map_err(|error| refuse(format!("{path}: {error}")))?;
    let text = String::from_utf8_lossy(&text);
    let mut trusted = RootCertStore::empty();
    let certificates: Vec<String> = blocks(&text)
        .filter(|block| {
            // One that is too old to be read is of no use, and takes none of the others with it.
            let certificate = CertificateDer::from_pem_slice(block.as_bytes());
            certificate.is_ok_and(|certificate| trusted.add(certificate).is_ok())
        })
        .map(str::to_owned)
        .collect();
    if certificates.is_empty() {
        return Err(refuse(format!("{path} holds no certificate in PEM")));
    }
    Ok(Some(certificates))
}

/// The certificates of a bundle: there may be anything between them.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    text.match_indices(BEGIN).filter_map(|(from, _)| {
        let block = &text[from..];
        Some(&block[..block.find(END)? + END.len()])
    })
}

impl HttpClient for Http {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(ByRoute {
            clients: self.clients.clone(),
            settings: settings.clone(),
            components: components.clone(),
        })
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        cfg: &ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(check_identity(&self.origin, components, cfg)?)
    }
}

#[derive(Debug)]
struct ByRoute {
    clients: Arc<Clients>,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for ByRoute {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.clients.of(request.uri());
        let connector = client.http_connector(&self.settings, &self.components);
        let is_role = request.uri().ends_with(ROLE_OF_MACHINE);
        let answer = connector.call(request);
        if !is_role {
            return answer;
        }
        HttpConnectorFuture::new(async move { check_role(answer.await?).await })
    }
}

/// Passes the name of the machine's role, unless it cannot stand in an address: the SDK asks for its
/// credentials by it, and would end the process.
async fn check_role(mut answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
    let read = ByteStream::new(body).collect().await;
    let name = read.map_err(|error| ConnectorError::io(error.into()))?;
    let name = name.into_bytes();
    let path = [b"/", &*name].concat();
    if answer.status().is_success() && Uri::try_from(path).is_err() {
        let error = SettingError::new(
            "what the metadata of this machine answered",
            "the name of its role has a character in it that cannot stand in an address",
            "correct what provides it",
        );
        return Err(ConnectorError::user(error.into()));
    }
    *answer.body_mut() = SdkBody::from(name);
    Ok(answer)
}

impl Clients {
    fn of(&self, uri: &str) -> &SharedHttpClient {
        let proxy = self.routes.proxy(uri);
        let route = 2 * usize::from(is_plain(uri)) + usize::from(proxy.is_some());
        let roots = || self.routes.trust(needs_roots(uri, proxy));
        self.made[route].get_or_init(|| client(roots(), proxy.cloned()))
    }

    /// A connector of its own for this address.
    fn connector(&self, url: &str) -> Result<Connector, BoxError> {
        let proxy = self.routes.proxy(url);
        let roots = self.routes.trust(needs_roots(url, proxy));
        let context = TlsContext::builder().with_trust_store(roots).build()?;
        Ok(connector(&context, proxy, None, None))
    }
}

fn is_plain(uri: &str) -> bool {
    uri.starts_with("http://")
}

/// A proxy may be reached by TLS.
fn needs_roots(uri: &str, proxy: Option<&ProxyConfig>) -> bool {
    !is_plain(uri) || proxy.is_some()
}

impl Routes {
    fn proxy(&self, uri: &str) -> Option<&ProxyConfig> {
        let proxy = match is_plain(uri) {
            true => &self.plain,
            false => &self.secure,
        };
        proxy.as_ref().filter(|_| !is_local(uri))
    }

    fn trust(&self, is_needed: bool) -> TrustStore {
        match &self.roots {
            _ if !is_needed => TrustStore::empty(),
            None => TrustStore::default(),
            Some(roots) => roots.iter().fold(TrustStore::empty(), |trust, root| {
                trust.with_pem_certificate(root.as_bytes())
            }),
        }
    }
}

/// rustls on ring: the SDK's default provider takes tens of milliseconds to start. A client for `http`
/// alone would be all of HTTP once more in the program; one that trusts no certificate is as quick to make.
fn client(roots: TrustStore, proxy: Option<ProxyConfig>) -> SharedHttpClient {
    // To build it cannot fail; the default reads the system's roots.
    let context = TlsContext::builder().with_trust_store(roots).build();
    let context = context.unwrap_or_default();
    aws_smithy_http_client::Builder::new().build_with_connector_fn(move |settings, components| {
        connector(&context, proxy.as_ref(), settings, components)
    })
}

fn connector(
    context: &TlsContext,
    proxy: Option<&ProxyConfig>,
    settings: Option<&HttpConnectorSettings>,
    components: Option<&RuntimeComponents>,
) -> Connector {
    let mut connector = Connector::builder();
    connector.set_connector_settings(settings.cloned());
    connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
    connector.set_proxy_config(proxy.cloned());
    connector
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context.clone())
        .build()
}

/// A visitor of the app's site, who takes the way of the calls to AWS; by default no proxy, and the system's
/// certificates.
#[derive(Debug, Clone, Default)]
pub struct Visitor(Arc<Clients>);

/// What a visitor got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The status.
    pub status: u16,
    /// Whether a gate answered, and not the app: `X-Maintenance: on`.
    pub is_refused: bool,
}

impl Visitor {
    pub(super) fn new(http: &Http) -> Self {
        Self(http.clients.clone())
    }

    /// The certificates that are trusted instead of the system's, each as PEM: for clients besides that of AWS.
    #[must_use]
    pub fn roots(&self) -> Option<&[String]> {
        self.0.routes.roots.as_deref()
    }

    /// Sends a request, and returns the status and the body.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn send(
        &self,
        request: http::Request<String>,
    ) -> Result<(u16, String), BoxError> {
        let connector = self.0.connector(&request.uri().to_string())?;
        let request = HttpRequest::try_from(request.map(SdkBody::from))?;
        let answer = connector.call(request).await?;
        let status = answer.status().as_u16();
        let body = ByteStream::new(answer.into_body()).collect().await?;
        let text = String::from_utf8_lossy(&body.into_bytes()).into_owned();
        Ok((status, text))
    }

    /// Asks for this page without its content: `HEAD`. How long that may take is the caller's to say.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn head(&self, url: &str) -> Result<Visit, BoxError> {
        let mut request = HttpRequest::get(url)?;
        request.set_method("HEAD")?;
        let answer = self.0.connector(url)?.call(request).await?;
        Ok(Visit {
            status: answer.status().as_u16(),
            is_refused: answer.headers().get("x-maintenance") == Some("on"),
        })
    }
}

/// Whether an address is one of this machine or of its network link alone, as that of a local AWS and of
/// the machine's metadata: no proxy reaches them.
fn is_local(uri: &str) -> bool {
    let Some(host) = uri
        .parse::<Uri>()
        .ok()
        .and_then(|uri| uri.host().map(str::to_owned))
    else {
        return false;
    };
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local()
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_is_asked_for_this_machine_or_its_metadata() {
        for local in [
            "http://127.0.0.1:4566/",
            "http://localhost/x",
            "https://[::1]:1",
            "http://169.254.169.254/latest",
            "http://[fd00:ec2::254]/latest",
        ] {
            assert!(is_local(local), "{local}");
        }
        for far in [
            "https://ssm.us-east-1.amazonaws.com/",
            "http://10.0.0.1/",
            "http://localhost.example.com/",
        ] {
            assert!(!is_local(far), "{far}");
        }
    }

    #[test]
    fn a_bundle_may_hold_anything_between_its_certificates() {
        let bundle = "# one\n-----BEGIN CERTIFICATE-----\na\n-----END CERTIFICATE-----\ntext\n\
                      -----BEGIN CERTIFICATE-----\nb\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n";
        assert_eq!(blocks(bundle).count(), 2);
    }
}
