//! Which addresses are those of a machine's own network link: there AWS answers with credentials.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;
use url::Host;

use super::OutboundError;

/// AWS's own services in an IPv6 network: instance metadata at `fd00:ec2::254`, credentials of EKS pods at
/// `fd00:ec2::23`.
const AWS_V6: [u16; 2] = [0xfd00, 0x0ec2];
/// What NAT64 puts in front of an IPv4 address [RFC 6052].
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// Whether an address is link-local or a metadata service's, in any way to write it.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => {
            let parts = v6.segments();
            let [.., high, low] = parts.map(u32::from);
            let is_v4 =
                parts[..6] == NAT64 || parts[..6] == [0; 6] || v6.to_ipv4_mapped().is_some();
            v6.is_unicast_link_local()
                || parts[..2] == AWS_V6
                || is_v4 && Ipv4Addr::from(high << 16 | low).is_link_local()
        }
    }
}

/// The address that a URL names by itself.
pub(super) fn literal(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(v4) => Some((*v4).into()),
        Host::Ipv6(v6) => Some((*v6).into()),
    }
}

/// Whether it is this machine or its network link: no proxy reaches it.
pub(super) fn is_local(host: &Host<&str>) -> bool {
    match (host, literal(host)) {
        (Host::Domain(name), _) => name.eq_ignore_ascii_case("localhost"),
        (_, Some(address)) => address.is_loopback() || is_link_local(address),
        (_, None) => false,
    }
}

/// The addresses of a name.
type Lookup = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

/// What resolves names.
#[derive(Clone)]
pub(super) enum Names {
    System,
    Fixed(Arc<Lookup>),
}

impl Names {
    async fn resolve(self, name: Name) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()),
            Self::Fixed(addresses) => {
                let addresses = addresses(name.as_str());
                Ok(addresses.into_iter().map(|it| (it, 0).into()).collect())
            }
        }
    }
}

/// Resolves names, without the addresses that must not be connected to.
#[derive(Clone)]
pub(super) struct Guarded {
    names: Names,
    allow_link_local: bool,
}

/// All addresses of a name are such.
#[derive(Debug, thiserror::Error)]
#[error("{0} is a link-local or metadata address")]
struct Refused(IpAddr);

impl Guarded {
    pub(super) fn new(names: Names, allow_link_local: bool) -> Self {
        Self {
            names,
            allow_link_local,
        }
    }

    /// The same for a proxy, which the operator has put where it is.
    pub(super) fn of_proxy(&self) -> Self {
        Self::new(self.names.clone(), true)
    }
}

impl Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self {
            names,
            allow_link_local,
        } = self.clone();
        Box::pin(async move {
            let all = names.resolve(name).await?;
            let (refused, allowed): (Vec<_>, Vec<_>) = all
                .into_iter()
                .partition(|it| !allow_link_local && is_link_local(it.ip()));
            match refused.first() {
                Some(first) if allowed.is_empty() => Err(io::Error::other(Refused(first.ip()))),
                _ => Ok(allowed.into_iter()),
            }
        })
    }
}

/// The error of an address that the resolver refused, wherever in the chain it is.
pub(super) fn refused(error: &(dyn std::error::Error + 'static)) -> Option<OutboundError> {
    let mut error = Some(error);
    while let Some(it) = error {
        let inner = it.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<Refused>());
        if let Some(Refused(address)) = inner.or_else(|| it.downcast_ref()) {
            return Some(OutboundError::LinkLocal(*address));
        }
        error = it.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_and_link_local_addresses_are_known_in_any_way_to_write_them() {
        for url in [
            "http://169.254.169.254/latest",
            "http://169.254.170.2/v2/credentials",
            "http://[fe80::1]/",
            "http://[febf::1]/",
            "http://[fd00:ec2::254]/",
            "http://[fd00:ec2::23]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::169.254.169.254]/",
            "http://[64:ff9b::169.254.169.254]/",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://169。254。169。254/",
        ] {
            let Ok(url) = url::Url::parse(url) else {
                // Digits and dots of other scripts need tables that this program is built without.
                assert!(!url.is_ascii(), "{url}");
                continue;
            };
            let address = url.host().and_then(|host| literal(&host));
            assert!(address.is_some_and(is_link_local), "{url}");
        }
        for url in [
            "http://127.0.0.1/",
            "http://10.0.0.1/",
            "http://169.253.0.1/",
            "http://[::1]/",
            "http://[fd00:1::254]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[2001:db8::a9fe:a9fe]/",
        ] {
            let url = url::Url::parse(url).unwrap();
            let address = url.host().and_then(|host| literal(&host)).unwrap();
            assert!(!is_link_local(address), "{url}");
        }
    }
}
