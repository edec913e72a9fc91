//! People whom a proxy in front has signed in.

use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use maintenance_flag::{MAX_NAME_BYTES, Scope, stored_bytes};

use super::alb::{self, Alb, Refused};
use super::caller::Caller;
use crate::problem::{Code, Problem};

/// People whom a proxy lets through, and what every one of them may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyUser {
    /// How the proxy names them.
    pub named_by: NamedBy,
    /// [`Scope::Read`] or [`Scope::Write`].
    pub scope: Scope,
}

/// How a proxy names the person who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedBy {
    /// In a header that it sets on every request, in place of one that a client sends: `X-Forwarded-User`. A
    /// client that reaches the server past the proxy can claim any name.
    Header(HeaderName),
    /// An Application Load Balancer with OIDC, which signs what it says.
    Alb {
        /// Its ARN.
        arn: String,
        /// Below which URL its keys are: see [`NamedBy::alb`].
        keys_at: String,
    },
}

impl NamedBy {
    /// The load balancer of this ARN, with the keys of its region. None if it is no load balancer's ARN.
    #[must_use]
    pub fn alb(arn: &str) -> Option<Self> {
        // arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let &["arn", partition, "elasticloadbalancing", region, _, name] = parts.as_slice() else {
            return None;
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if region.is_empty()
            || !region.bytes().all(is_plain)
            || !name.starts_with("loadbalancer/app/")
        {
            return None;
        }
        let keys_at = match partition {
            "aws" => format!("https://public-keys.auth.elb.{region}.amazonaws.com"),
            "aws-us-gov" => {
                format!("https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}")
            }
            _ => return None,
        };
        let arn = arn.to_owned();
        Some(Self::Alb { arn, keys_at })
    }
}

/// The same, ready for requests.
#[derive(Debug)]
pub(super) struct Proxy {
    user: ProxyUser,
    alb: Option<Alb>,
}

impl Proxy {
    pub(super) fn new(user: ProxyUser) -> Self {
        let alb = match &user.named_by {
            NamedBy::Header(_) => None,
            NamedBy::Alb { arn, keys_at } => Some(Alb::new(arn.clone(), keys_at.clone())),
        };
        Self { user, alb }
    }

    /// The person who makes this request. None: the proxy names none.
    pub(super) async fn caller(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Option<Caller>, Problem> {
        let header = match &self.user.named_by {
            NamedBy::Header(header) => header.clone(),
            NamedBy::Alb { .. } => HeaderName::from_static(alb::HEADER),
        };
        let refused = |why: &str| {
            let detail = format!("the header {header} of the proxy cannot be used: {why}");
            Problem::new(Code::Unauthorized, detail)
        };
        let mut values = headers.get_all(&header).into_iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        // A second one is a client's own, and which of them that is, is not known.
        if values.next().is_some() {
            return Err(refused("it is there twice"));
        }
        let text = str::from_utf8(value.as_bytes()).map_err(|_| refused("it is not UTF-8"))?;
        let name = match &self.alb {
            None => text.trim().to_owned(),
            Some(alb) => alb.person(text, now).await.map_err(|error| match error {
                Refused::Invalid(why) => refused(why),
                Refused::NoKey => {
                    let detail = "the load balancer's key cannot be had just now";
                    Problem::new(Code::Aws, detail)
                }
            })?,
        };
        if name.is_empty() {
            return Ok(None);
        }
        if name.chars().any(char::is_control) || stored_bytes(&name) > MAX_NAME_BYTES {
            return Err(refused("the name is too long, or has control characters"));
        }
        Ok(Some(Caller {
            name,
            scope: self.user.scope,
            products: None,
            observer: None,
            token: None,
            session: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_balancers_keys_are_those_of_its_region() {
        let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/x/50dc6c495c0c9188";
        let Some(NamedBy::Alb { keys_at, .. }) = NamedBy::alb(arn) else {
            panic!("{arn}");
        };
        assert_eq!(
            keys_at,
            "https://public-keys.auth.elb.eu-central-1.amazonaws.com"
        );
        for bad in [
            "",
            "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/x/1",
            "arn:aws:elasticloadbalancing:evil.example/:1:loadbalancer/app/x/1",
            "arn:aws:lambda:eu-central-1:123456789012:function:x",
        ] {
            assert_eq!(NamedBy::alb(bad), None, "{bad}");
        }
    }
}
