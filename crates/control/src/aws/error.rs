//! A call to AWS that failed for good: which one, on what, and what that means.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use super::access::{AccessError, allow};
use super::call_error::CallError;
use crate::fence::AbortReason;

/// What the error of a call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwsErrorKind {
    /// Too many calls. Nothing happened.
    Throttled,
    /// The resource is being changed just now. Nothing happened.
    Conflict,
    /// No answer, or a failure inside AWS. The call may have taken effect.
    Transient,
    /// A permission is missing.
    Denied,
    /// AWS cannot be called at all: [`AwsError::access`] says why.
    Access,
    /// What the call names does not exist.
    NotFound,
    /// The same of what should be there: one such answer proves nothing, so it is looked for again. At
    /// last it becomes [`AwsErrorKind::NotFound`].
    Missing,
    /// What the call creates exists.
    Exists,
    /// The parameter is a `SecureString` whose KMS key is disabled, about to be deleted, or gone.
    KeyUnusable,
    /// The parameter has an allowed pattern, which the value does not match.
    PatternMismatch,
    /// Anything else that AWS refuses.
    Invalid,
    /// AWS contradicts itself, or answers what cannot be read.
    Unexpected,
    /// We must not, or shall not, change anything any more.
    Halted(AbortReason),
}

/// A call to AWS that failed for good.
#[derive(Debug)]
pub struct AwsError {
    /// The call, as IAM names it: `ssm:PutParameter`. Of a denial, the permission that is missing.
    pub action: Cow<'static, str>,
    /// The parameter, function, alias or mapping.
    pub resource: String,
    /// What it means.
    pub kind: AwsErrorKind,
    /// An earlier attempt may have taken effect, since its answer was lost.
    pub(crate) ambiguous: bool,
    /// What AWS said, or what happened.
    pub(crate) source: Box<dyn StdError + Send + Sync>,
}

impl AwsError {
    pub(crate) fn new(
        action: &'static str,
        resource: &str,
        kind: AwsErrorKind,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self {
            action: action.into(),
            resource: resource.to_owned(),
            kind,
            ambiguous: false,
            source: source.into(),
        }
    }

    /// Why AWS cannot be called at all, if it is that.
    #[must_use]
    pub fn access(&self) -> Option<&AccessError> {
        self.source.downcast_ref()
    }

    /// Whether the same call may go through later: AWS throttles, is busy with the resource, or did not answer.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        use AwsErrorKind::{Conflict, Throttled, Transient};
        matches!(self.kind, Throttled | Conflict | Transient)
    }

    /// Whether AWS refuses what the call says.
    pub(crate) fn is_refusal(&self) -> bool {
        use AwsErrorKind::{Exists, Invalid, NotFound};
        matches!(self.kind, Exists | Invalid | NotFound)
    }

    /// What to do next, if there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self.kind {
            // The next call needs the next of them.
            AwsErrorKind::Denied if self.action.starts_with("kms:") => Some(
                "it is a SecureString: allow kms:Decrypt, kms:Encrypt and kms:GenerateDataKey on its KMS key, in the key's policy and in the IAM policy of your user or role"
                    .to_owned(),
            ),
            AwsErrorKind::Denied => Some(allow(&self.action, self.source.as_ref())),
            AwsErrorKind::Access => self.access().map(AccessError::hint),
            AwsErrorKind::Transient if !CallError::is_answer(self.source.as_ref()) => {
                Some("check the network, the region and the endpoint URL, then try again".to_owned())
            }
            _ if self.is_unavailable() => Some("try again in a minute".to_owned()),
            AwsErrorKind::KeyUnusable => {
                Some("enable the key in KMS or cancel its deletion, then try again".to_owned())
            }
            AwsErrorKind::PatternMismatch => Some(format!(
                "take the pattern away (aws ssm put-parameter --overwrite --allowed-pattern '.*' --name {}, with the value that it has), then try again",
                self.resource
            )),
            AwsErrorKind::Invalid if self.source.to_string().contains("Alias with weights") => Some(
                "the alias shifts its traffic: finish that deploy or roll it back, then try again"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            action, resource, ..
        } = self;
        match self.kind {
            AwsErrorKind::Access | AwsErrorKind::Halted(_) => self.source.fmt(f),
            AwsErrorKind::Denied => write!(f, "not allowed to {action} on {resource}"),
            AwsErrorKind::KeyUnusable => write!(f, "the KMS key of {resource} cannot be used"),
            AwsErrorKind::PatternMismatch => write!(
                f,
                "the allowed pattern of {resource} refuses what is to be stored there"
            ),
            AwsErrorKind::Invalid => write!(f, "{action} on {resource} was refused"),
            _ if self.is_unavailable() => {
                write!(f, "{action} on {resource} did not go through in time")
            }
            _ => write!(f, "{action} on {resource} failed"),
        }
    }
}

impl StdError for AwsError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.kind {
            // It is what is said already.
            AwsErrorKind::Access | AwsErrorKind::Halted(_) => self.source.source(),
            _ => Some(self.source.as_ref()),
        }
    }
}
