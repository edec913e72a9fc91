//! Addresses that may pass.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// An address range in CIDR notation, IPv4 or IPv6; an address alone is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRange(IpNet);

/// A text that is no address range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an address or a range of addresses")]
pub struct AddressError {
    text: String,
}

impl AddressRange {
    /// Whether the address is within the range. An IPv4 address that is written as an IPv6 one
    /// (`::ffff:192.0.2.1`) is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for AddressRange {
    type Err = AddressError;

    /// Reads a range such as `192.0.2.0/24` or an address such as `2001:db8::1`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError {
            text: text.to_owned(),
        };
        let net = match text.split_once('/') {
            Some(_) => canonical(text.parse().map_err(|_| error())?),
            None => IpNet::from(text.parse::<IpAddr>().map_err(|_| error())?.to_canonical()),
        };
        Ok(Self(net.trunc()))
    }
}

/// A range of IPv4 addresses that are written as IPv6 ones (`::ffff:192.0.2.0/120`) is the IPv4 range.
fn canonical(net: IpNet) -> IpNet {
    let ipv4 = match net.addr().to_canonical() {
        IpAddr::V4(address) if net.addr().is_ipv6() => {
            let prefix = net.prefix_len().checked_sub(96);
            prefix.and_then(|prefix| IpNet::new(address.into(), prefix).ok())
        }
        _ => None,
    };
    ipv4.unwrap_or(net)
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_ranges_of_both_families_and_writes_them_shortest() {
        for (typed, stored) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("2001:DB8::1", "2001:db8::1"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:192.0.2.7/128", "192.0.2.7"),
            ("::ffff:0.0.0.0/96", "0.0.0.0/0"),
            ("::ffff:0:0/95", "::fffe:0:0/95"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            let range: AddressRange = typed.parse().unwrap();
            assert_eq!(range.to_string(), stored);
            assert_eq!(stored.parse::<AddressRange>().unwrap(), range);
        }
        for bad in [
            "",
            "192.0.2",
            "192.0.2.0/33",
            "192.0.2.0/+24",
            "192.0.2.0/",
            "192.0.2.0/24/24",
            "2001:db8::/129",
            "office",
            "192.0.2.1-5",
            "/24",
            " 192.0.2.1",
        ] {
            assert!(bad.parse::<AddressRange>().is_err(), "{bad}");
        }
    }

    #[test]
    fn contains_its_own_family_only() {
        let office: AddressRange = "192.0.2.0/24".parse().unwrap();
        let inside = |text: &str| office.contains(text.parse().unwrap());
        assert!(inside("192.0.2.0") && inside("192.0.2.255") && inside("::ffff:192.0.2.9"));
        assert!(!inside("192.0.3.0") && !inside("::192.0.2.9") && !inside("2001:db8::1"));
        let ipv4: AddressRange = "0.0.0.0/0".parse().unwrap();
        assert!(!ipv4.contains("::1".parse().unwrap()));
    }
}
