//! Settings: identity, durations, limits. The defaults are AWS's own numbers.
//!
//! It holds no state; [`crate::Sandbox`] does.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::Clock;

/// The settings of a sandbox.
///
/// [`Settings::default`] is as strict as AWS and as slow; tests start from [`Settings::quick`] and a
/// demonstration from [`Settings::demo`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// The twelve digits of the account. Default `123456789012`.
    pub account: String,
    /// The region; requests signed for another one are refused. Default `us-east-1`.
    pub region: String,
    /// Where time comes from. Default [`Clock::system`].
    pub clock: Clock,
    /// Whether AWS's requests per second hold, by [`Budget`](crate::Budget). Default true.
    pub rate_limits: bool,
    /// Parameter Store's limits and consistency.
    pub ssm: SsmSettings,
    /// Lambda's limits and how long its asynchronous changes take.
    pub lambda: LambdaSettings,
    /// What the callers' policies allow.
    pub iam: IamSettings,
}

/// What the callers' policies allow: all, but what is denied here.
#[derive(Clone, Debug)]
pub struct IamSettings {
    /// The actions that every service refuses, as `ssm:PutParameter`.
    pub denied: BTreeSet<String>,
    /// Whether IAM's policy simulator may be asked.
    pub may_simulate: bool,
    /// The ARN of the role that callers have assumed, with its path: `arn:aws:iam::123456789012:role/team/ops`. Default
    /// none: they are users.
    pub role: Option<String>,
}

/// Parameter Store's limits and consistency.
#[derive(Clone, Debug)]
pub struct SsmSettings {
    /// How long to wait before a deleted name is created again. AWS asks for 30 s [API reference,
    /// `DeleteParameter`] and does not say what happens before that.
    pub recreate_after: Duration,
    /// What happens before that. Default [`EarlyReuse::Refused`].
    pub early_reuse: EarlyReuse,
    /// Whether the caller may use the KMS key that `SecureString` parameters are encrypted with.
    pub kms_key: KmsKey,
    /// How many reads of a name (or of a path above it) still see its previous value after a write. Default 0;
    /// AWS gives no guarantee.
    pub read_lag: u32,
    /// Which pages of `GetParametersByPath` are empty and yet have a `NextToken`.
    pub empty_pages: EmptyPages,
}

/// What happens to a name that is created again before [`SsmSettings::recreate_after`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyReuse {
    /// `ValidationException`, "… was deleted …". AWS does not promise this; the sandbox is stricter.
    Refused,
    /// It is created, and no read shows it until that time has passed.
    Hidden,
}

/// Whether the caller may use the KMS key of `SecureString` parameters. Other types need none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KmsKey {
    /// It may.
    Usable,
    /// IAM lets the caller neither decrypt nor encrypt with it: `AccessDeniedException`.
    Denied,
    /// The key is disabled: `InvalidKeyId`.
    Disabled,
}

/// Which pages of `GetParametersByPath` are empty and yet have a `NextToken`, as AWS's may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyPages {
    /// Never.
    Never,
    /// One before every n-th page (1: before every page).
    Every(u32),
}

/// Lambda's limits and how long its asynchronous changes take.
#[derive(Clone, Debug)]
pub struct LambdaSettings {
    /// The account's concurrency limit. AWS: 1,000 unless raised, or 10 on a new account.
    pub concurrent_executions: u32,
    /// How long provisioned concurrency stays `IN_PROGRESS`.
    pub provision: Duration,
    /// How long a mapping stays `Enabling` or `Updating`.
    pub mapping_change: Duration,
    /// How long a mapping stays `Disabling`.
    pub mapping_disable: Duration,
    /// How long GetFunction still shows the previous reservation after a call changed it. Default zero; AWS
    /// gives no guarantee.
    pub read_lag: Duration,
    /// Functions show an error instead of the variables of their environment, as they do to a caller who may not
    /// decrypt them.
    pub hide_environment: bool,
    /// GetFunction shows `TagsError` instead of tags, as it does to a caller without
    /// `lambda:ListTags`.
    pub hide_tags: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            clock: Clock::system(),
            rate_limits: true,
            ssm: SsmSettings::default(),
            lambda: LambdaSettings::default(),
            iam: IamSettings::default(),
        }
    }
}

impl Default for IamSettings {
    fn default() -> Self {
        Self {
            denied: BTreeSet::new(),
            may_simulate: true,
            role: None,
        }
    }
}

impl Settings {
    /// For tests: no rate limits and tokio's clock, the durations of AWS. Call it inside the runtime
    /// of the test; with `start_paused` the durations cost nothing.
    pub fn quick() -> Self {
        Self {
            clock: Clock::tokio(),
            rate_limits: false,
            ..Self::default()
        }
    }

    /// For a demonstration at AWS's speed: the wall clock, AWS's rate limits, and waits as AWS documents them or
    /// as they are commonly seen. Provisioned concurrency
    /// comes "after a minute or two of preparation" [Lambda Developer Guide, "Configuring provisioned
    /// concurrency"]; a mapping changes its state in seconds; a deleted parameter's name returns after 30 s;
    /// a read or two after a write still shows the previous value.
    pub fn with_aws_waits() -> Self {
        Self {
            ssm: SsmSettings {
                read_lag: 2,
                ..SsmSettings::default()
            },
            lambda: LambdaSettings {
                provision: Duration::from_secs(90),
                mapping_change: Duration::from_secs(8),
                mapping_disable: Duration::from_secs(15),
                ..LambdaSettings::default()
            },
            ..Self::default()
        }
    }

    /// For a quick demonstration: the wall clock and AWS's rate limits, but changes take tenths of a second and
    /// a deleted name may return after one second.
    pub fn demo() -> Self {
        let blink = Duration::from_millis(300);
        Self {
            ssm: SsmSettings {
                recreate_after: Duration::from_secs(1),
                ..SsmSettings::default()
            },
            lambda: LambdaSettings {
                provision: blink,
                mapping_change: blink,
                mapping_disable: blink,
                ..LambdaSettings::default()
            },
            ..Self::default()
        }
    }
}

impl Default for SsmSettings {
    fn default() -> Self {
        Self {
            recreate_after: Duration::from_secs(30),
            early_reuse: EarlyReuse::Refused,
            kms_key: KmsKey::Usable,
            read_lag: 0,
            empty_pages: EmptyPages::Every(3),
        }
    }
}

impl Default for LambdaSettings {
    fn default() -> Self {
        Self {
            concurrent_executions: 1_000,
            provision: Duration::from_secs(5),
            mapping_change: Duration::from_secs(2),
            mapping_disable: Duration::from_secs(2),
            read_lag: Duration::ZERO,
            hide_environment: false,
            hide_tags: false,
        }
    }
}
