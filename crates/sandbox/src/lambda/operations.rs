//! The operations of Lambda, each with its route: method and path, in which `*` names a function or a mapping.

use crate::api::{ApiRequest, Operation, OperationInfo, Reply, Service};
use crate::error::ApiResult;
use crate::lambda::state::LambdaState;
use crate::lambda::{functions, invoke, mappings, provisioned, reserved, triggers};
use crate::rate::Budget;

/// The first match wins.
pub(crate) static OPERATIONS: &[(&str, Operation<LambdaState>)] = &[
    (
        "GET 2015-03-31/functions/*",
        read("GetFunction", functions::get).on(Budget::LambdaGetFunction),
    ),
    (
        "GET 2015-03-31/functions/*/policy",
        read("GetPolicy", triggers::policy).on(Budget::LambdaGetPolicy),
    ),
    (
        "POST 2015-03-31/functions/*/invocations",
        // An invocation changes no setting, so it does not count as a write.
        read("Invoke", invoke::invoke).on(Budget::LambdaInvoke),
    ),
    (
        "GET 2015-03-31/functions",
        read("ListFunctions", functions::list),
    ),
    (
        "GET 2015-03-31/functions/*/versions",
        read("ListVersionsByFunction", functions::versions),
    ),
    (
        "GET 2015-03-31/functions/*/aliases",
        read("ListAliases", functions::aliases),
    ),
    (
        "GET 2019-09-25/functions/*/event-invoke-config/list",
        read("ListFunctionEventInvokeConfigs", triggers::destinations),
    ),
    (
        "GET 2016-08-19/account-settings",
        read("GetAccountSettings", reserved::account_settings),
    ),
    (
        "GET 2019-09-30/functions/*/concurrency",
        read("GetFunctionConcurrency", reserved::get),
    ),
    (
        "PUT 2017-10-31/functions/*/concurrency",
        write("PutFunctionConcurrency", reserved::put),
    ),
    (
        "DELETE 2017-10-31/functions/*/concurrency",
        write("DeleteFunctionConcurrency", reserved::delete),
    ),
    (
        "GET 2019-09-30/functions/*/provisioned-concurrency?List=ALL",
        read("ListProvisionedConcurrencyConfigs", provisioned::list),
    ),
    (
        "GET 2019-09-30/functions/*/provisioned-concurrency",
        read("GetProvisionedConcurrencyConfig", provisioned::get),
    ),
    (
        "PUT 2019-09-30/functions/*/provisioned-concurrency",
        write("PutProvisionedConcurrencyConfig", provisioned::put),
    ),
    (
        "DELETE 2019-09-30/functions/*/provisioned-concurrency",
        write("DeleteProvisionedConcurrencyConfig", provisioned::delete),
    ),
    (
        "GET 2015-03-31/event-source-mappings",
        read("ListEventSourceMappings", mappings::list),
    ),
    (
        "GET 2015-03-31/event-source-mappings/*",
        read("GetEventSourceMapping", mappings::get),
    ),
    (
        "PUT 2015-03-31/event-source-mappings/*",
        write("UpdateEventSourceMapping", mappings::update),
    ),
];

type Run = fn(&mut LambdaState, &ApiRequest<'_>) -> ApiResult<Reply>;

const fn operation(name: &'static str, write: bool, run: Run) -> Operation<LambdaState> {
    let info = OperationInfo {
        service: Service::Lambda,
        name,
        write,
        budget: Budget::LambdaControl,
    };
    Operation { info, run }
}

const fn read(name: &'static str, run: Run) -> Operation<LambdaState> {
    operation(name, false, run)
}

const fn write(name: &'static str, run: Run) -> Operation<LambdaState> {
    operation(name, true, run)
}

impl Operation<LambdaState> {
    /// With a budget of its own.
    const fn on(mut self, budget: Budget) -> Self {
        self.info.budget = budget;
        self
    }
}
