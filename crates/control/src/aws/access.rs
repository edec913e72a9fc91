//! Why no call reaches AWS at all, or why it accepts none: the credentials, the region, the endpoint or
//! this machine's clock. What AWS says of one call is `retry`'s business.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;

use super::setting::SettingError;

type Cause = Box<dyn Error + Send + Sync>;

/// Why AWS cannot be called, whatever the call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// No provider of credentials has any.
    #[error("no AWS credentials were found")]
    NoCredentials(#[source] Cause),
    /// A provider of credentials failed.
    #[error("the AWS credentials cannot be loaded")]
    Unloadable(#[source] Cause),
    /// A setting holds what cannot be sent.
    #[error("{0}")]
    Setting(#[source] SettingError),
    /// They were valid once.
    #[error("the AWS credentials have expired")]
    Expired(#[source] Cause),
    /// AWS does not know them, or the secret key is not theirs.
    #[error("AWS does not accept the credentials")]
    Rejected(#[source] Cause),
    /// What this machine signs is minutes too old or too new.
    #[error("this machine's clock is wrong, so AWS refuses its requests")]
    ClockSkew(#[source] Cause),
    /// Neither the options, the environment nor the profile names a region.
    #[error("no AWS region is set")]
    NoRegion,
    /// A custom endpoint, and a setting that only AWS's own endpoints have.
    #[error("the AWS endpoint settings contradict each other")]
    Endpoint(#[source] Cause),
}

impl AccessError {
    /// Why a request was not even sent, if it is that.
    pub(crate) fn unsent(error: &(dyn Error + 'static)) -> Option<Self> {
        for error in chain(error) {
            if let Some(setting) = error.downcast_ref::<SettingError>() {
                return Some(Self::Setting(setting.clone()));
            }
            if let Some(error) = error.downcast_ref::<CredentialsError>() {
                return Some(match error {
                    // It lists every provider there is, each with its reason.
                    CredentialsError::CredentialsNotLoaded(_) => Self::NoCredentials(
                        "looked in the environment, the shared AWS files, and for a container's or \
                         an EC2 instance's role"
                            .into(),
                    ),
                    error => chain(error)
                        .find_map(|error| error.downcast_ref().cloned())
                        .map_or_else(|| Self::Unloadable(in_one(error).into()), Self::Setting),
                });
            }
            // From the rules by which the SDK finds an endpoint: it has no type for them.
            let text = error.to_string();
            // With an endpoint URL the rules do not miss it, but the signature does.
            if text == "missing signing region" {
                return Some(Self::NoRegion);
            }
            match text.strip_prefix("Invalid Configuration: ") {
                Some("Missing Region") => return Some(Self::NoRegion),
                Some(conflict) => return Some(Self::Endpoint(conflict.into())),
                None => {}
            }
        }
        None
    }

    /// Why AWS refused the signature of a request, if it is that.
    pub(crate) fn refused(code: &str, message: &str) -> Option<Self> {
        let clock = ["Signature expired", "Signature not yet current"];
        let refusal: fn(Cause) -> Self = match code {
            "RequestExpired" | "RequestTimeTooSkewed" => Self::ClockSkew,
            "InvalidSignatureException" | "SignatureDoesNotMatch"
                if clock.iter().any(|words| message.starts_with(words)) =>
            {
                Self::ClockSkew
            }
            "ExpiredTokenException" | "ExpiredToken" => Self::Expired,
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "MissingAuthenticationTokenException"
            | "IncompleteSignature" => Self::Rejected,
            _ => return None,
        };
        // After its first sentences, AWS quotes the signed headers, the session token among them.
        let said = message.lines().next().unwrap_or_default().trim();
        let is_plain = !said.contains(['=', '\'']) && !said.contains("Canonical");
        Some(refusal(match is_plain && !said.is_empty() {
            true => format!("{code}: {said}").into(),
            false => code.into(),
        }))
    }

    /// Whether a setting is wrong, and not what AWS thinks of it.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Setting(_) | Self::NoRegion | Self::Endpoint(_))
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Setting(error) => return error.hint().to_owned(),
            Self::NoCredentials(_) => {
                "sign in with `aws login` or `aws sso login`, name a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            }
            Self::Unloadable(_) | Self::Expired(_) => {
                "sign in again (`aws login`, `aws sso login`), or get new credentials"
            }
            Self::Rejected(_) => {
                "check the access key, its secret and the session token (`aws sts get-caller-identity`), the profile and the region"
            }
            Self::ClockSkew(_) => {
                "set the clock (AWS allows five minutes), then try again"
            }
            Self::NoRegion => "set AWS_REGION, or region in the profile",
            Self::Endpoint(_) => {
                "unset AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT (in a profile: use_fips_endpoint, use_dualstack_endpoint), or the endpoint URL"
            }
        }
        .to_owned()
    }
}

/// An error and what caused it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        (*error).source()
    })
}

/// The first and the last cause: what lies between repeats them, in up to ten lines.
fn in_one(error: &(dyn Error + 'static)) -> String {
    let causes: Vec<String> = chain(error).skip(1).map(ToString::to_string).collect();
    match causes.as_slice() {
        [] => error.to_string(),
        [first, .., last] if !first.contains(last.as_str()) => format!("{first}: {last}"),
        [first, ..] => first.clone(),
    }
}

/// What to do about a missing permission. AWS says which kind of policy denies it, unless it is only that
/// the caller's own IAM policy does not allow it.
pub(crate) fn allow(action: &str, denial: &dyn Error) -> String {
    let said = denial.to_string();
    let denied = said.split_once("with an explicit deny in a");
    if let Some((_, policy)) = denied {
        let policy = policy.strip_prefix('n').unwrap_or(policy).trim();
        let policy = policy
            .split([':', '(', '.'])
            .next()
            .unwrap_or(policy)
            .trim();
        return match policy {
            "service control policy" | "resource control policy" => format!(
                "a {policy} of your AWS organization denies {action}: ask its administrators, since no IAM policy can allow it"
            ),
            _ => format!(
                "the {policy} denies {action}: change that statement, since no other policy can allow it"
            ),
        };
    }
    let silent = said.split_once("because no ");
    let policy = silent.and_then(|(_, rest)| Some(rest.split_once(" allows")?.0));
    match policy.filter(|policy| *policy != "identity-based policy") {
        Some(policy) => format!("allow {action} in the {policy}, too"),
        None => format!("allow {action} in the IAM policy of your user or role"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_the_policy_to_change() {
        let hint = |why: &str| {
            let said =
                format!("User: x is not authorized to perform: ssm:Get on resource: y {why}");
            allow("ssm:Get", &*Cause::from(said))
        };
        for (why, part) in [
            ("", "in the IAM policy of"),
            (
                "because no identity-based policy allows the ssm:Get action",
                "in the IAM policy of",
            ),
            (
                "because no permissions boundary allows the ssm:Get action",
                "in the permissions boundary, too",
            ),
            (
                "with an explicit deny in a service control policy",
                "a service control policy of your AWS organization",
            ),
            (
                "with an explicit deny in a service control policy: arn:aws:organizations::1:policy/x",
                "a service control policy of your AWS organization",
            ),
            (
                "with an explicit deny in an identity-based policy",
                "the identity-based policy denies ssm:Get",
            ),
        ] {
            assert!(hint(why).contains(part), "{why}: {}", hint(why));
        }
    }

    #[test]
    fn a_refused_signature_is_told_apart_and_never_quoted() {
        let refused = |code: &str, message: &str| AccessError::refused(code, message).unwrap();
        let said = |error: &AccessError| error.source().unwrap().to_string();
        let skew = "Signature expired: 20261128T020000Z is now earlier than 20261129T015500Z (20261129T020000Z - 5 min.)";
        let error = refused("InvalidSignatureException", skew);
        assert!(matches!(error, AccessError::ClockSkew(_)), "{error:?}");
        assert_eq!(said(&error), format!("InvalidSignatureException: {skew}"));
        let error = refused("RequestExpired", "Request has expired.");
        assert!(matches!(error, AccessError::ClockSkew(_)), "{error:?}");
        let wrong =
            "The request signature we calculated does not match the signature you provided.";
        let error = refused(
            "SignatureDoesNotMatch",
            &format!("{wrong}\n\nThe Canonical String was 'x-amz-security-token:SECRET'"),
        );
        assert!(matches!(error, AccessError::Rejected(_)), "{error:?}");
        assert_eq!(said(&error), format!("SignatureDoesNotMatch: {wrong}"));
        let quoting = "Authorization header requires it. Authorization=AWS4-HMAC-SHA256 SECRET";
        assert_eq!(
            said(&refused("IncompleteSignature", quoting)),
            "IncompleteSignature"
        );
        assert!(AccessError::refused("ValidationException", "x").is_none());
    }
}
