//! Requests with a wrong token, counted: what comes too often is answered 429.
//!
//! A token cannot be guessed, so this keeps logs and answers short, not tokens safe. It never stands in the
//! way of a valid token, which an attacker behind the same address could otherwise lock out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use jiff::Timestamp;

/// For how long it counts.
const WINDOW: Duration = Duration::from_secs(60);
/// Failures of one client in that time.
const EACH: u32 = 10;
/// Failures of all clients in that time.
const ALL: u32 = 300;

/// What failed since `since`. It holds at most [`ALL`] addresses.
#[derive(Debug)]
pub(super) struct Failures {
    since: Timestamp,
    all: u32,
    each: HashMap<Option<IpAddr>, u32>,
    /// Refusing all has begun.
    refuses_all: bool,
}

/// A failure that was one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany {
    /// How many seconds to wait.
    pub(super) wait: u32,
    /// The first of its kind in this time: of this client, or of all.
    pub(super) is_first: bool,
}

impl Failures {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            all: 0,
            each: HashMap::new(),
            refuses_all: false,
        }
    }

    /// Counts a failure. Some: it was one too many.
    pub(super) fn count(&mut self, client: Option<IpAddr>, now: Timestamp) -> Option<TooMany> {
        let passed = Duration::try_from(self.since.duration_until(now));
        let left = passed.ok().and_then(|passed| WINDOW.checked_sub(passed));
        let left = match left {
            Some(left) if !left.is_zero() => left,
            // Over, or the clock was set back.
            _ => {
                *self = Self::new(now);
                WINDOW
            }
        };
        let wait = u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1);
        if self.all >= ALL {
            let is_first = !std::mem::replace(&mut self.refuses_all, true);
            return Some(TooMany { wait, is_first });
        }
        let each = self.each.entry(client.map(network)).or_default();
        if *each >= EACH {
            let is_first = *each == EACH;
            *each = EACH + 1;
            return Some(TooMany { wait, is_first });
        }
        *each += 1;
        self.all += 1;
        None
    }

    #[cfg(test)]
    fn addresses(&self) -> usize {
        self.each.len()
    }
}

/// What one client has: an address, or of IPv6 a network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_950_000 + second).unwrap()
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn each_client_may_fail_a_few_times_a_minute() {
        let mut failures = Failures::new(at(0));
        for _ in 0..10 {
            assert_eq!(failures.count(address("192.0.2.1"), at(20)), None);
        }
        let too_many = |wait, is_first| Some(TooMany { wait, is_first });
        assert_eq!(
            failures.count(address("192.0.2.1"), at(20)),
            too_many(40, true)
        );
        assert_eq!(
            failures.count(address("::ffff:192.0.2.1"), at(30)),
            too_many(30, false),
            "the same client by IPv6"
        );
        assert_eq!(failures.count(address("192.0.2.2"), at(20)), None);
        assert_eq!(failures.count(address("192.0.2.1"), at(60)), None);
    }

    #[test]
    fn a_network_of_64_bits_is_one_client() {
        let mut failures = Failures::new(at(0));
        for n in 0..10 {
            assert_eq!(
                failures.count(address(&format!("2001:db8::{n}")), at(0)),
                None
            );
        }
        assert!(failures.count(address("2001:db8::ffff:1"), at(0)).is_some());
        assert_eq!(failures.count(address("2001:db8:0:1::1"), at(0)), None);
    }

    #[test]
    fn ten_thousand_clients_take_no_more_room_than_a_few_hundred() {
        let mut failures = Failures::new(at(0));
        let refused: Vec<_> = (0..10_000_u32)
            .filter_map(|n| {
                let address = IpAddr::V4((0x0a00_0000 + n).into());
                failures.count(Some(address), at(1))
            })
            .collect();
        assert_eq!(refused.len(), 9_700);
        assert_eq!(refused.iter().filter(|it| it.is_first).count(), 1);
        assert_eq!(failures.addresses(), 300);
        assert_eq!(failures.count(address("192.0.2.1"), at(61)), None);
        assert_eq!(failures.addresses(), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_no_client_out() {
        let mut failures = Failures::new(at(3_600));
        for _ in 0..11 {
            failures.count(None, at(3_600));
        }
        assert_eq!(failures.count(None, at(0)), None);
    }
}
