//! Who calls AWS, what IAM lets them do, and how far this machine's clock is from AWS's. `doctor` asks that, and an
//! operation that finds no function in the account.
//!
//! STS is in the program anyway, for roles that a profile names. IAM would be minutes of compiling for one call, so
//! that call is signed and read here: IAM speaks the query protocol, a form as the request and XML as the answer.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_xml::decode::{Document, try_data};
use form_urlencoded::Serializer;
use jiff::{SignedDuration, Timestamp};

use super::access::AccessError;
use super::call_error::CallError;
use super::http::Visitor;
use super::signed::{Signed, Signer};

/// The most resources that are asked about at once: an answer is a page for each hundred results.
const MOST_PAGES: usize = 20;

/// Who calls AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The ARN: of a user, or of the session of a role.
    pub arn: String,
    /// The account's twelve digits.
    pub account: String,
}

impl CallerIdentity {
    /// The role that the caller has assumed, by its name.
    pub(crate) fn role(&self) -> Option<&str> {
        let (_, session) = self.arn.split_once(":assumed-role/")?;
        session.split_once('/').map(|(role, _)| role)
    }

    /// The user or role whose policies count. None of the root user, who may do anything. The path of a role is
    /// in none of its sessions' ARNs: `Identity::role_arn` finds it.
    #[must_use]
    pub fn principal(&self) -> Option<String> {
        let mut parts = self.arn.splitn(6, ':');
        let (_, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (_, account, name) = (parts.next()?, parts.next()?, parts.next()?);
        match (service, name.split_once('/')) {
            ("sts", Some(("assumed-role", session))) => {
                let (role, _) = session.split_once('/')?;
                Some(format!("arn:{partition}:iam::{account}:role/{role}"))
            }
            ("iam", Some(("user", _))) => Some(self.arn.clone()),
            _ => None,
        }
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov`.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or("aws")
    }
}

/// What IAM's policy simulator says of an action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) action: String,
    pub(crate) is_allowed: bool,
}

/// Asks STS and IAM. The default asks nobody.
#[derive(Debug, Clone, Default)]
pub struct Identity(Option<Arc<Connected>>);

#[derive(Debug)]
struct Connected {
    sts: aws_sdk_sts::Client,
    dates: Dates,
    signer: Signer,
    endpoint_url: Option<String>,
}

impl Identity {
    /// As these settings say. Nothing is sent yet.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, visitor: &Visitor) -> Self {
        let signer = Signer::new(config, visitor.clone());
        let dates = Dates::default();
        let sts = aws_sdk_sts::config::Builder::from(config).interceptor(dates.clone());
        Self(Some(Arc::new(Connected {
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            dates,
            signer,
            endpoint_url: config.endpoint_url().map(str::to_owned),
        })))
    }

    /// The region that is called.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.0.as_ref()?.signer.region()
    }

    /// Who calls. AWS asks for no permission for that.
    pub(crate) async fn caller(&self) -> Result<CallerIdentity, CallError> {
        let connected = self.connected()?;
        let answer = connected.sts.get_caller_identity().send().await;
        let answer = answer.map_err(CallError::from)?;
        match (answer.arn, answer.account) {
            (Some(arn), Some(account)) => Ok(CallerIdentity { arn, account }),
            _ => Err(CallError::incomplete("it names no caller")),
        }
    }

    /// The beginning of the ARNs of the caller's functions: `arn:aws:lambda:<region>:<account>`. None if STS does not
    /// answer.
    pub(crate) async fn lambda_origin(&self) -> Option<String> {
        let caller = self.caller().await.ok()?;
        let (partition, account) = (caller.partition(), &caller.account);
        Some(format!(
            "arn:{partition}:lambda:{}:{account}",
            self.region()?
        ))
    }

    /// How much later AWS's clock is than this machine's, by its last answer.
    pub(crate) fn clock_skew(&self) -> Option<SignedDuration> {
        self.0.as_ref()?.dates.skew()
    }

    fn connected(&self) -> Result<&Connected, CallError> {
        let connected = self.0.as_deref();
        connected.ok_or_else(|| CallError::incomplete("no AWS was configured"))
    }

    /// The ARN of a role of the caller's account, with its path (`iam:GetRole`).
    pub(crate) async fn role_arn(&self, name: &str) -> Result<String, CallError> {
        let mut form = call("GetRole");
        form.push(("RoleName".to_owned(), name.to_owned()));
        let answer = self.query(&form).await?;
        let arn = texts(&answer, &["Arn"])?.into_iter().next();
        let arn = arn.ok_or_else(|| CallError::incomplete("it names no role"))?;
        Ok(arn.1)
    }

    /// What IAM's simulator says of these actions by this principal on these resources.
    pub(crate) async fn simulate(
        &self,
        principal: &str,
        actions: &[&str],
        resources: &[String],
    ) -> Result<Vec<Decision>, CallError> {
        let mut form = call("SimulatePrincipalPolicy");
        form.push(("PolicySourceArn".to_owned(), principal.to_owned()));
        let members = |name: &str, values: Vec<String>| {
            let name = name.to_owned();
            let numbered = values.into_iter().enumerate();
            numbered.map(move |(n, value)| (format!("{name}.member.{}", n + 1), value))
        };
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        form.extend(members("ActionNames", actions));
        form.extend(members("ResourceArns", resources.to_vec()));
        let mut decisions = Vec::new();
        let mut marker = None;
        for _ in 0..MOST_PAGES {
            let mut form = form.clone();
            form.extend(marker.take().map(|marker| ("Marker".to_owned(), marker)));
            let answer = self.query(&form).await?;
            let (page, next) = read_page(&answer)?;
            decisions.extend(page);
            match next {
                Some(next) => marker = Some(next),
                None => return Ok(decisions),
            }
        }
        Err(CallError::incomplete("it has no end"))
    }

    /// Sends a form to IAM, and returns the document that it answers.
    async fn query(&self, form: &[(String, String)]) -> Result<String, CallError> {
        let connected = self.connected()?;
        // IAM is one for a whole partition.
        let (host, region) = match connected.signer.region().unwrap_or_default() {
            it if it.starts_with("cn-") => ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            it if it.starts_with("us-gov-") => ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
            _ => ("iam.amazonaws.com", "us-east-1"),
        };
        let call = Signed {
            service: "iam",
            region,
            url: match &connected.endpoint_url {
                Some(url) => format!("{}/", url.trim_end_matches('/')),
                None => format!("https://{host}/"),
            },
            headers: &[(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )],
            body: Serializer::new(String::new()).extend_pairs(form).finish(),
        };
        let (status, text) = connected.signer.post(call).await?;
        if (200..300).contains(&status) {
            return Ok(text);
        }
        let (code, message) = read_refusal(&text).unwrap_or_default();
        Err(CallError::refused(status, &code, &message))
    }
}

impl CallError {
    /// Why AWS cannot be called at all, if it is that; else what it said.
    pub(crate) fn access_or_text(self) -> Result<AccessError, String> {
        self.into_access().map_err(|error| error.to_string())
    }
}

/// The form of a call, without what it is about.
fn call(action: &str) -> Vec<(String, String)> {
    [("Action", action), ("Version", "2010-05-08")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// What is on a page of the simulator's answer, and the marker of the next.
fn read_page(answer: &str) -> Result<(Vec<Decision>, Option<String>), CallError> {
    let (mut decisions, mut marker) = (Vec::new(), None);
    let (mut action, mut decision) = (None, None);
    for (name, text) in texts(answer, &["EvalActionName", "EvalDecision", "Marker"])? {
        match name.as_str() {
            "EvalActionName" => action = Some(text),
            "EvalDecision" => decision = Some(text),
            _ => marker = Some(text).filter(|marker| !marker.is_empty()),
        }
        // Each action has both, in either order.
        if action.is_some() && decision.is_some() {
            decisions.extend(action.take().map(|action| Decision {
                action,
                is_allowed: decision.take().as_deref() == Some("allowed"),
            }));
        }
    }
    match decisions.is_empty() {
        true => Err(CallError::incomplete("it says of no action what it thinks")),
        false => Ok((decisions, marker)),
    }
}

/// The code and the message of an error.
fn read_refusal(answer: &str) -> Result<(String, String), CallError> {
    let found = texts(answer, &["Code", "Message"])?;
    let of = |name: &str| {
        let mut found = found.iter().filter(|(of, _)| of == name);
        found.next().map(|(_, text)| text.clone())
    };
    let (code, message) = (of("Code"), of("Message"));
    Ok((code.unwrap_or_default(), message.unwrap_or_default()))
}

/// The text of the elements of these names, with the name, in the order of the document.
fn texts(document: &str, names: &[&str]) -> Result<Vec<(String, String)>, CallError> {
    let mut document = Document::new(document);
    let mut found = Vec::new();
    while let Some(element) = document.next_start_element() {
        let name = element.local().to_owned();
        if names.contains(&name.as_str()) {
            let text = try_data(&mut document.scoped_to(element));
            let text = text.map_err(|error| CallError::incomplete(&error.to_string()))?;
            found.push((name, text.into_owned()));
        }
    }
    Ok(found)
}

/// AWS's time by its last answer, and this machine's then.
#[derive(Debug, Clone, Default)]
struct Dates(Arc<Mutex<Option<SignedDuration>>>);

impl Dates {
    fn skew(&self) -> Option<SignedDuration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Dates {
    fn name(&self) -> &'static str {
        "Dates"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        if let Some(date) = date {
            let skew = date.timestamp().duration_since(Timestamp::now());
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_principal_of_a_session_is_its_role() {
        let principal = |arn: &str| {
            let account = "123456789012".to_owned();
            let arn = arn.to_owned();
            CallerIdentity { arn, account }.principal()
        };
        for (arn, is) in [
            (
                "arn:aws:sts::123456789012:assumed-role/ops/ana",
                Some("arn:aws:iam::123456789012:role/ops"),
            ),
            (
                "arn:aws-cn:iam::123456789012:user/team/ana",
                Some("arn:aws-cn:iam::123456789012:user/team/ana"),
            ),
            ("arn:aws:iam::123456789012:root", None),
            ("arn:aws:sts::123456789012:federated-user/ana", None),
            ("nonsense", None),
        ] {
            assert_eq!(principal(arn).as_deref(), is, "{arn}");
        }
    }

    #[test]
    fn what_the_simulator_answers_is_read_page_by_page() {
        let answer = r#"<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
            <SimulatePrincipalPolicyResult>
              <IsTruncated>true</IsTruncated><Marker>abc=</Marker>
              <EvaluationResults>
                <member><EvalActionName>ssm:PutParameter</EvalActionName>
                  <MatchedStatements><member><SourcePolicyId>x</SourcePolicyId></member></MatchedStatements>
                  <EvalDecision>allowed</EvalDecision></member>
                <member><EvalDecision>implicitDeny</EvalDecision>
                  <EvalActionName>lambda:PutFunctionConcurrency</EvalActionName></member>
              </EvaluationResults>
            </SimulatePrincipalPolicyResult>
            <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
          </SimulatePrincipalPolicyResponse>"#;
        let (decisions, marker) = read_page(answer).unwrap();
        let told: Vec<_> = decisions
            .iter()
            .map(|it| (it.action.as_str(), it.is_allowed))
            .collect();
        assert_eq!(
            told,
            [
                ("ssm:PutParameter", true),
                ("lambda:PutFunctionConcurrency", false)
            ]
        );
        assert_eq!(marker.as_deref(), Some("abc="));
        let refusal = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                       <Message>User: x is not authorized</Message></Error></ErrorResponse>";
        let (code, message) = read_refusal(refusal).unwrap();
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("AccessDenied", "User: x is not authorized")
        );
        // What is no answer allows nothing.
        for odd in ["", "<html>", "<html></html>"] {
            assert!(read_page(odd).is_err(), "{odd}");
        }
    }
}
