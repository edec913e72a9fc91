//! STS and IAM, as far as a caller asks them about itself: who it is, and what its policies allow.
//!
//! Both speak AWS's query protocol: a form as the request, XML as the answer. What is denied is a setting
//! ([`IamSettings`](crate::IamSettings)), and every service refuses what is denied there.

use bytes::Bytes;

use crate::api::{ApiRequest, Operation, OperationInfo, Reply, Service, role_name, user_arn};
use crate::error::{ApiError, ApiResult};
use crate::rate::Budget;

/// The most results of a page, unless the caller asks for fewer [API reference, `SimulatePrincipalPolicy`].
const PAGE: usize = 100;
/// The version of IAM's API.
const IAM_VERSION: &str = "2010-05-08";

/// They keep nothing.
#[derive(Debug, Default)]
pub(crate) struct IdentityState;

pub(crate) static OPERATIONS: &[Operation<IdentityState>] = &[
    operation(Service::Sts, "GetCallerIdentity", caller),
    operation(Service::Iam, "GetRole", role),
    operation(Service::Iam, "SimulatePrincipalPolicy", simulate),
];

const fn operation(
    service: Service,
    name: &'static str,
    run: fn(&mut IdentityState, &ApiRequest<'_>) -> ApiResult<Reply>,
) -> Operation<IdentityState> {
    let info = OperationInfo {
        service,
        name,
        write: false,
        budget: Budget::Identity,
    };
    Operation { info, run }
}

fn caller(_: &mut IdentityState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let arn = user_arn(request.settings, request.caller);
    let (account, id) = (&request.settings.account, request.caller);
    Ok(xml(
        "https://sts.amazonaws.com/doc/2011-06-15/",
        "GetCallerIdentity",
        &format!("<Arn>{arn}</Arn><UserId>{id}</UserId><Account>{account}</Account>"),
    ))
}

fn role(_: &mut IdentityState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let asked = request.query("RoleName").unwrap_or_default();
    let known = request.settings.iam.role.as_deref();
    let Some(arn) = known.filter(|arn| role_name(arn) == asked) else {
        let message = format!("The role with name {asked} cannot be found.");
        return Err(ApiError::new(404, "NoSuchEntity", message));
    };
    let path = arn.split_once(":role").map_or("/", |(_, path)| path);
    let path = path.trim_end_matches(asked);
    Ok(xml(
        "https://iam.amazonaws.com/doc/2010-05-08/",
        "GetRole",
        &format!("<Role><Path>{path}</Path><RoleName>{asked}</RoleName><Arn>{arn}</Arn></Role>"),
    ))
}

fn simulate(_: &mut IdentityState, request: &ApiRequest<'_>) -> ApiResult<Reply> {
    let settings = &request.settings.iam;
    if request.query("Version") != Some(IAM_VERSION) {
        let message = "Could not find operation SimulatePrincipalPolicy for this version";
        return Err(ApiError::new(400, "InvalidAction", message));
    }
    if !settings.may_simulate {
        let user = user_arn(request.settings, request.caller);
        let message = format!(
            "User: {user} is not authorized to perform: iam:SimulatePrincipalPolicy on resource: {user} because no \
             identity-based policy allows the iam:SimulatePrincipalPolicy action"
        );
        return Err(ApiError::new(403, "AccessDenied", message));
    }
    let source = request.query("PolicySourceArn").unwrap_or_default();
    let user = user_arn(request.settings, request.caller);
    if source != settings.role.as_deref().unwrap_or(&user) {
        let message = format!("The entity {source} cannot be found.");
        return Err(ApiError::new(404, "NoSuchEntity", message));
    }
    let actions = members(request, "ActionNames");
    if actions.is_empty() {
        let message = "1 validation error detected: Value null at 'actionNames' failed to satisfy constraint: \
                       Member must not be null";
        return Err(ApiError::new(400, "ValidationError", message));
    }
    let mut resources = members(request, "ResourceArns");
    if resources.is_empty() {
        resources.push("*");
    }
    let most: usize = match request.query("MaxItems").map(str::parse) {
        None => PAGE,
        Some(Ok(most @ 1..=1000)) => most,
        Some(_) => {
            let message = "MaxItems must be 1 to 1000";
            return Err(ApiError::new(400, "ValidationError", message));
        }
    };
    let from = match request.query("Marker").map(str::parse) {
        None => 0,
        Some(Ok(from)) => from,
        Some(Err(_)) => {
            let message = "Invalid Marker.";
            return Err(ApiError::new(400, "ValidationError", message));
        }
    };
    let each = actions
        .iter()
        .flat_map(|action| resources.iter().map(move |resource| (*action, *resource)));
    let all: Vec<_> = each.collect();
    let results: String = all
        .iter()
        .skip(from)
        .take(most)
        .map(|(action, resource)| {
            let decision = match settings.denied.contains(*action) {
                true => "implicitDeny",
                false => "allowed",
            };
            format!(
                "<member><EvalActionName>{action}</EvalActionName><EvalResourceName>{resource}</EvalResourceName>\
                 <EvalDecision>{decision}</EvalDecision><MatchedStatements/><MissingContextValues/></member>"
            )
        })
        .collect();
    let next = from + most;
    let more = match next < all.len() {
        true => format!("<IsTruncated>true</IsTruncated><Marker>{next}</Marker>"),
        false => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    Ok(xml(
        "https://iam.amazonaws.com/doc/2010-05-08/",
        "SimulatePrincipalPolicy",
        &format!("{more}<EvaluationResults>{results}</EvaluationResults>"),
    ))
}

/// `name.member.1`, `name.member.2` …
fn members<'a>(request: &'a ApiRequest<'_>, name: &str) -> Vec<&'a str> {
    let member = |n: usize| request.query(&format!("{name}.member.{n}"));
    (1..).map_while(member).collect()
}

fn xml(namespace: &str, operation: &str, result: &str) -> Reply {
    let body = format!(
        "<{operation}Response xmlns=\"{namespace}\"><{operation}Result>{result}</{operation}Result>\
         <ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata>\
         </{operation}Response>"
    );
    Reply {
        status: 200,
        body: Bytes::from(body),
        headers: Default::default(),
    }
}

/// An error, as the query protocol has it.
pub(crate) fn error(error: &ApiError) -> String {
    let kind = match error.status {
        500.. => "Receiver",
        _ => "Sender",
    };
    let message = error.message.as_deref().unwrap_or_default();
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<ErrorResponse><Error><Type>{kind}</Type><Code>{}</Code><Message>{message}</Message></Error></ErrorResponse>",
        error.code
    )
}
