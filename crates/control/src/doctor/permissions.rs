//! What IAM lets the caller do, as its policy simulator says it.

use super::Checks;
use crate::aws::{AwsErrorKind, CallerIdentity, Identity};
use crate::control::Control;
use crate::report::Advice;
use crate::request::RoleSpec;

/// Of how many functions the simulator is asked.
const SIMULATED: usize = 5;

/// What an operation calls, whatever the role.
const STORE_ACTIONS: [&str; 4] = [
    "ssm:GetParameter",
    "ssm:GetParametersByPath",
    "ssm:PutParameter",
    "ssm:DeleteParameters",
];
/// What an operation calls on a function.
const FUNCTION_ACTIONS: [&str; 10] = [
    "lambda:GetFunction",
    "lambda:GetPolicy",
    "lambda:ListAliases",
    "lambda:ListFunctionEventInvokeConfigs",
    "lambda:PutFunctionConcurrency",
    "lambda:DeleteFunctionConcurrency",
    "lambda:ListProvisionedConcurrencyConfigs",
    "lambda:GetProvisionedConcurrencyConfig",
    "lambda:PutProvisionedConcurrencyConfig",
    "lambda:DeleteProvisionedConcurrencyConfig",
];
/// What an operation calls where functions have no name in the resource.
const ACCOUNT_ACTIONS: [&str; 5] = [
    "lambda:ListFunctions",
    "lambda:ListEventSourceMappings",
    "lambda:GetEventSourceMapping",
    "lambda:UpdateEventSourceMapping",
    "lambda:GetAccountSettings",
];

impl Control {
    /// What IAM says of each action, also of those that nothing may try without changing something.
    pub(super) async fn check_permissions(
        &self,
        identity: &Identity,
        caller: Option<CallerIdentity>,
        roles: &[RoleSpec],
        names: &[String],
        checks: &mut Checks,
    ) {
        let Some(caller) = caller else {
            let text = "whether IAM allows the writes: it is not known who calls";
            return checks.not_checked("permissions", None, text, None::<Advice>);
        };
        let Some(mut principal) = caller.principal() else {
            let text = format!(
                "whether IAM allows the writes: {} has no policy to ask about",
                caller.arn
            );
            return checks.not_checked("permissions", None, text, None::<Advice>);
        };
        // No session's ARN has the path of its role, which those of IAM Identity Center always have.
        let path_is_unknown = match caller.role() {
            None => None,
            Some(role) => match identity.role_arn(role).await {
                Ok(arn) => {
                    principal = arn;
                    None
                }
                Err(error) => Some(error.to_string()),
            },
        };
        let place = format!(
            "{}:{}",
            identity.region().unwrap_or_default(),
            caller.account
        );
        let partition = caller.partition();
        let mut asked: Vec<(&[&str], Vec<String>)> = Vec::new();
        if let Some(spec) = roles.first().filter(|_| self.store.is_of_aws()) {
            let names = [self.names.flag(&spec.role), self.names.lease(1)];
            let arn = |name: &String| format!("arn:{partition}:ssm:{place}:parameter{name}");
            asked.push((&STORE_ACTIONS, names.iter().map(arn).collect()));
        }
        if roles.iter().any(|it| it.functions.is_some()) {
            let arn = |name: &String| format!("arn:{partition}:lambda:{place}:function:{name}");
            let functions: Vec<String> = names.iter().take(SIMULATED).map(arn).collect();
            if !functions.is_empty() {
                asked.push((&FUNCTION_ACTIONS, functions));
            }
            asked.push((&ACCOUNT_ACTIONS, vec!["*".to_owned()]));
        }
        let (mut denied, mut allowed) = (Vec::new(), 0);
        for (actions, resources) in asked {
            match identity.simulate(&principal, actions, &resources).await {
                Ok(decisions) => {
                    allowed += actions.len();
                    for decision in decisions.into_iter().filter(|it| !it.is_allowed) {
                        if !denied.contains(&decision.action) {
                            denied.push(decision.action);
                        }
                    }
                }
                Err(error) if error.kind == AwsErrorKind::NotFound && path_is_unknown.is_some() => {
                    let why = path_is_unknown.unwrap_or_default();
                    let text = format!(
                        "whether IAM allows the writes: the role has a path, which is not known: {why}"
                    );
                    let hint = "allow iam:GetRole on your role to have this checked; the reads above were tried";
                    return checks.not_checked("permissions", None, text, Some(hint));
                }
                Err(error) => {
                    let text = format!("whether IAM allows the writes: {error}");
                    let hint = "allow iam:SimulatePrincipalPolicy to have this checked; the reads above were tried";
                    return checks.not_checked("permissions", None, text, Some(hint));
                }
            }
        }
        for action in &denied {
            let text = format!("IAM does not allow {action} to {principal}");
            let hint = format!("allow {action} in the IAM policy of your user or role");
            checks.failed("permissions", None, text, Some(hint));
        }
        if denied.is_empty() {
            let text = format!("IAM allows all {allowed} actions that pausing and restoring need");
            checks.ok("permissions", None, text);
        }
    }
}
