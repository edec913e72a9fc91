//! The operations the sandbox knows, with what each is: whose, a write or a read, and on which budget.

use serde::{Deserialize, Serialize};

use crate::rate::Budget;

/// One of the two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Systems Manager's Parameter Store.
    Ssm,
    /// Lambda.
    Lambda,
}

/// What is known about an operation before it runs.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) service: Service,
    pub(crate) name: &'static str,
    pub(crate) write: bool,
    pub(crate) budget: Budget,
}

const fn ssm(name: &'static str, write: bool, budget: Budget) -> Operation {
    Operation {
        service: Service::Ssm,
        name,
        write,
        budget,
    }
}

const fn read(name: &'static str) -> Operation {
    Operation {
        service: Service::Lambda,
        name,
        write: false,
        budget: Budget::LambdaControl,
    }
}

const fn write(name: &'static str) -> Operation {
    Operation {
        service: Service::Lambda,
        name,
        write: true,
        budget: Budget::LambdaControl,
    }
}

const fn on(budget: Budget, operation: Operation) -> Operation {
    Operation {
        budget,
        ..operation
    }
}

static OPERATIONS: &[Operation] = &[
    ssm("PutParameter", true, Budget::SsmWrite),
    ssm("DeleteParameters", true, Budget::SsmWrite),
    ssm("GetParameter", false, Budget::SsmRead),
    ssm("GetParametersByPath", false, Budget::SsmRead),
    on(Budget::LambdaGetFunction, read("GetFunction")),
    on(Budget::LambdaGetPolicy, read("GetPolicy")),
    // An invocation changes no setting: it is no write to whoever counts writes.
    on(Budget::LambdaInvoke, read("Invoke")),
    read("ListFunctions"),
    read("ListVersionsByFunction"),
    read("ListAliases"),
    read("GetFunctionConcurrency"),
    read("GetProvisionedConcurrencyConfig"),
    read("ListProvisionedConcurrencyConfigs"),
    read("GetEventSourceMapping"),
    read("ListEventSourceMappings"),
    read("GetAccountSettings"),
    read("ListFunctionEventInvokeConfigs"),
    write("PutFunctionConcurrency"),
    write("DeleteFunctionConcurrency"),
    write("PutProvisionedConcurrencyConfig"),
    write("DeleteProvisionedConcurrencyConfig"),
    write("UpdateEventSourceMapping"),
];

/// The operation of that name, if the sandbox has it.
pub(crate) fn operation(service: Service, name: &str) -> Option<&'static Operation> {
    OPERATIONS
        .iter()
        .find(|operation| operation.service == service && operation.name == name)
}

/// What stands in the log for a request that is no operation the sandbox knows.
static UNIDENTIFIED: [Operation; 2] = [
    ssm("Unidentified", false, Budget::SsmRead),
    read("Unidentified"),
];

impl Operation {
    /// What stands in the log for a request that is no operation the sandbox knows.
    pub(crate) fn unidentified(service: Service) -> &'static Self {
        match service {
            Service::Ssm => &UNIDENTIFIED[0],
            Service::Lambda => &UNIDENTIFIED[1],
        }
    }

    /// The IAM action that allows it.
    pub(crate) fn iam_action(&self) -> String {
        match (self.service, self.name) {
            (Service::Ssm, name) => format!("ssm:{name}"),
            (Service::Lambda, "Invoke") => "lambda:InvokeFunction".to_owned(),
            (Service::Lambda, name) => format!("lambda:{name}"),
        }
    }
}
