//! Finds the client's address.
//!
//! Clients can forge the leftmost entries of `X-Forwarded-For`; only those that trusted proxies append are
//! reliable. So the gate reads the header only where the deployer sets the number of proxies, and counts from the
//! right.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

use crate::request::RequestHead;
use crate::request_context::RequestContext;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address, as a request extension that your own code sets: for a server that the gate does
/// not know. It takes precedence over every other source of the address.
///
/// ```
/// # use maintenance_gate::ClientAddress;
/// # let peer: std::net::SocketAddr = "192.0.2.7:50000".parse().unwrap();
/// # let mut request = http::Request::new(());
/// request.extensions_mut().insert(ClientAddress(peer.ip()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

/// Returns the client's address, with `proxies` trusted proxies before the app. `None` if it is unknown.
pub(super) fn of(
    head: RequestHead<'_>,
    context: &RequestContext<'_>,
    proxies: u8,
) -> Option<IpAddr> {
    if let Some(ClientAddress(address)) = head.extensions.get() {
        return Some(*address);
    }
    match usize::from(proxies).checked_sub(1) {
        None => context.client_ip(),
        Some(others) => forwarded_for(head.headers, others),
    }
}

/// Returns the entry of `X-Forwarded-For` with `others` entries to its right.
fn forwarded_for(headers: &HeaderMap, others: usize) -> Option<IpAddr> {
    let entry = headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','))
        .nth(others)?;
    parse(str::from_utf8(entry).ok()?.trim_matches([' ', '\t']))
}

/// Parses an entry: `192.0.2.7`, `192.0.2.7:443`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:443`.
fn parse(entry: &str) -> Option<IpAddr> {
    if let Ok(address) = entry.parse() {
        return Some(address);
    }
    if let Ok(socket) = entry.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    let inside = entry.strip_prefix('[')?.strip_suffix(']')?;
    inside.parse().ok().map(IpAddr::V6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nth(values: &[&str], proxies: usize) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(X_FORWARDED_FOR, value);
        }
        forwarded_for(&headers, proxies - 1).map(|address| address.to_string())
    }

    #[test]
    fn counts_from_the_right_over_all_values() {
        let list = ["203.0.113.9, 192.0.2.1", "192.0.2.2,192.0.2.3"];
        assert_eq!(nth(&list, 1).as_deref(), Some("192.0.2.3"));
        assert_eq!(nth(&list, 2).as_deref(), Some("192.0.2.2"));
        assert_eq!(nth(&list, 3).as_deref(), Some("192.0.2.1"));
        assert_eq!(nth(&list, 4).as_deref(), Some("203.0.113.9"));
        assert_eq!(nth(&list, 5), None);
        assert_eq!(nth(&list, 255), None);
        assert_eq!(nth(&[], 1), None);
    }

    #[test]
    fn an_entry_may_have_a_port_and_brackets() {
        for (entry, address) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:443", "192.0.2.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:DB8::1]:443", "2001:db8::1"),
            (" \t192.0.2.7 ", "192.0.2.7"),
        ] {
            assert_eq!(nth(&[entry], 1).as_deref(), Some(address), "{entry}");
        }
    }

    #[test]
    fn an_invalid_entry_is_no_address_and_no_other_takes_its_place() {
        for bad in [
            "",
            " ",
            "unknown",
            "_hidden",
            "192.0.2",
            "192.0.2.7:",
            "192.0.2.7:99999",
            "192.0.2.7 192.0.2.8",
            "[192.0.2.7]",
            "[2001:db8::1",
            "2001:db8::1]",
            "fe80::1%eth0",
            "for=192.0.2.7",
            "192.0.2.7\u{a0}",
            "0xc0.0.2.7",
            "192.00.2.7",
        ] {
            assert_eq!(nth(&[&format!("192.0.2.1,{bad}")], 1), None, "{bad}");
            let before = nth(&[&format!("{bad},192.0.2.1")], 1);
            assert_eq!(before.as_deref(), Some("192.0.2.1"), "{bad}");
        }
    }
}
