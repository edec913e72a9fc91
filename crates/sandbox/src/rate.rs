//! Token buckets on the sandbox's clock, one for each budget of AWS.
//!
//! They only admit or refuse; `sandbox` words the refusal.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::since;

/// A budget of requests that several operations may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// `GetParameter`, `GetParametersByPath` and `GetParameterHistory` together.
    SsmRead,
    /// Everything that changes a parameter.
    SsmWrite,
    /// Lambda's `GetFunction` alone.
    LambdaGetFunction,
    /// Lambda's `GetPolicy` alone.
    LambdaGetPolicy,
    /// Every other call of Lambda's control plane, together.
    LambdaControl,
    /// `Invoke`, which is not control plane and is limited by concurrency instead.
    LambdaInvoke,
    /// STS and IAM, which nothing of ours asks twice.
    Identity,
}

impl Budget {
    /// Requests per second, as AWS documents them; `None` is unlimited. A bucket holds one second's worth,
    /// so that is also the largest burst.
    fn per_second(self) -> Option<f64> {
        match self {
            Self::SsmRead => Some(40.0),
            // AWS says "a few per second".
            Self::SsmWrite => Some(3.0),
            Self::LambdaGetFunction => Some(100.0),
            Self::LambdaGetPolicy | Self::LambdaControl => Some(15.0),
            Self::LambdaInvoke | Self::Identity => None,
        }
    }
}

/// The buckets themselves.
#[derive(Debug, Default)]
pub(crate) struct Buckets(HashMap<Budget, Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
}

impl Buckets {
    /// Takes one token from `budget`, if there is one.
    pub(crate) fn take(&mut self, budget: Budget, now: Timestamp) -> bool {
        let Some(rate) = budget.per_second() else {
            return true;
        };
        let bucket = self.0.entry(budget).or_insert(Bucket {
            tokens: rate,
            filled: now,
        });
        let refill = since(bucket.filled, now).as_secs_f64() * rate;
        bucket.tokens = (bucket.tokens + refill).min(rate);
        bucket.filled = now;
        // A refill of exactly one token must not be lost to rounding.
        if bucket.tokens + 1e-9 < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }

    /// Full buckets again.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::later;
    use std::time::Duration;

    #[test]
    fn a_bucket_holds_one_second_and_refills_at_its_rate() {
        let mut buckets = Buckets::default();
        let start = Timestamp::UNIX_EPOCH;
        let taken = (0..100)
            .filter(|_| buckets.take(Budget::LambdaControl, start))
            .count();
        assert_eq!(taken, 15);
        let next = later(start, Duration::from_millis(67));
        assert!(buckets.take(Budget::LambdaControl, next));
        assert!(!buckets.take(Budget::LambdaControl, next));
        // Another budget is untouched.
        assert!(buckets.take(Budget::LambdaGetFunction, next));
    }
}
