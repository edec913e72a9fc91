//! Token buckets on the sandbox's clock, one for each budget AWS shares out.
//!
//! They only say yes or no; what a refused caller is told is the wire's business.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::since;

/// A budget of requests that several operations may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// `GetParameter` and `GetParametersByPath` together.
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
}

/// Requests per second for each budget; `None` is unlimited. A bucket holds one second's worth, so
/// that is also the largest burst.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimits {
    /// [`Budget::SsmRead`].
    pub ssm_read: Option<f64>,
    /// [`Budget::SsmWrite`].
    pub ssm_write: Option<f64>,
    /// [`Budget::LambdaGetFunction`].
    pub get_function: Option<f64>,
    /// [`Budget::LambdaGetPolicy`].
    pub get_policy: Option<f64>,
    /// [`Budget::LambdaControl`].
    pub lambda_control: Option<f64>,
}

impl RateLimits {
    /// AWS's documented numbers: 100/s for `GetFunction`, 15/s for `GetPolicy`, 15/s for the rest of
    /// Lambda's control plane, 40/s for Parameter Store's reads. Its writes are "a few per second":
    /// 3/s here.
    pub const fn aws() -> Self {
        Self {
            ssm_read: Some(40.0),
            ssm_write: Some(3.0),
            get_function: Some(100.0),
            get_policy: Some(15.0),
            lambda_control: Some(15.0),
        }
    }

    /// No limits at all.
    pub const fn off() -> Self {
        Self {
            ssm_read: None,
            ssm_write: None,
            get_function: None,
            get_policy: None,
            lambda_control: None,
        }
    }

    fn of(&self, budget: Budget) -> Option<f64> {
        match budget {
            Budget::SsmRead => self.ssm_read,
            Budget::SsmWrite => self.ssm_write,
            Budget::LambdaGetFunction => self.get_function,
            Budget::LambdaGetPolicy => self.get_policy,
            Budget::LambdaControl => self.lambda_control,
            Budget::LambdaInvoke => None,
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
    pub(crate) fn take(&mut self, budget: Budget, limits: &RateLimits, now: Timestamp) -> bool {
        let Some(rate) = limits.of(budget) else {
            return true;
        };
        let burst = rate.max(1.0);
        let bucket = self.0.entry(budget).or_insert(Bucket {
            tokens: burst,
            filled: now,
        });
        let refill = since(bucket.filled, now).as_secs_f64() * rate;
        bucket.tokens = (bucket.tokens + refill).min(burst);
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
    fn a_bucket_holds_a_second_and_refills_at_its_rate() {
        let mut buckets = Buckets::default();
        let limits = RateLimits::aws();
        let start = Timestamp::UNIX_EPOCH;
        let taken = (0..100)
            .filter(|_| buckets.take(Budget::LambdaControl, &limits, start))
            .count();
        assert_eq!(taken, 15);
        let next = later(start, Duration::from_millis(67));
        assert!(buckets.take(Budget::LambdaControl, &limits, next));
        assert!(!buckets.take(Budget::LambdaControl, &limits, next));
        // Another budget is untouched.
        assert!(buckets.take(Budget::LambdaGetFunction, &limits, next));
    }
}
