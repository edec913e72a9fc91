//! CloudWatch, of which one call is needed: DescribeAlarms, in AWS's JSON protocol, signed with Signature Version 4.
//!
//! Not by its SDK: that has another protocol, and features of the SDK's common crates, with which all of the SDK
//! would be compiled anew, and HTTP twice.

use aws_types::SdkConfig;
use serde::Deserialize;
use serde_json::json;

use super::access::AccessError;
use super::call_error::CallError;
use super::signed::{Signed, Signer, endpoint_of};

/// What the call is, in AWS's JSON protocol.
const HEADERS: [(&str, &str); 2] = [
    ("content-type", "application/x-amz-json-1.0"),
    (
        "x-amz-target",
        "GraniteServiceVersion20100801.DescribeAlarms",
    ),
];

/// CloudWatch in a region, with credentials; by default with neither, so that it can be asked nothing.
#[derive(Debug, Clone, Default)]
pub struct CloudWatch {
    signer: Signer,
    endpoint: Option<String>,
}

/// What DescribeAlarms answers, as far as it is needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alarms {
    #[serde(default)]
    metric_alarms: Vec<Alarm>,
    #[serde(default)]
    composite_alarms: Vec<Alarm>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alarm {
    alarm_name: String,
    state_value: String,
}

/// An error as the protocol has it.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(rename = "__type", default)]
    code: String,
    #[serde(default, alias = "Message")]
    message: String,
}

impl CloudWatch {
    pub(super) fn new(config: &SdkConfig, signer: Signer) -> Self {
        let endpoint = endpoint_of(config, "CloudWatch");
        Self { signer, endpoint }
    }

    /// The state of a metric or composite alarm, as CloudWatch has it; none if there is no such alarm.
    pub(crate) async fn alarm(&self, name: &str) -> Result<Option<String>, CallError> {
        let region = self.signer.region();
        let region = region.ok_or_else(|| CallError::access(AccessError::NoRegion))?;
        // Left out, CloudWatch looks at metric alarms alone.
        let types = ["MetricAlarm", "CompositeAlarm"];
        let call = Signed {
            service: "monitoring",
            region,
            url: match &self.endpoint {
                Some(endpoint) => format!("{}/", endpoint.trim_end_matches('/')),
                None => {
                    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
                    format!("https://monitoring.{region}.amazonaws.com{suffix}/")
                }
            },
            headers: &HEADERS,
            body: json!({"AlarmNames": [name], "AlarmTypes": types}).to_string(),
        };
        let (status, body) = self.signer.post(call).await?;
        if !(200..300).contains(&status) {
            let refusal: Refusal = serde_json::from_str(&body).unwrap_or_default();
            // With the namespace of its model in front, in some of AWS's services.
            let code = refusal.code.rsplit('#').next().unwrap_or_default();
            return Err(CallError::refused(status, code, &refusal.message));
        }
        let alarms: Alarms = serde_json::from_str(&body)
            .map_err(|_| CallError::incomplete("it is not a list of alarms"))?;
        let all = alarms.metric_alarms.into_iter();
        let mut all = all.chain(alarms.composite_alarms);
        let found = all.find(|alarm| alarm.alarm_name == name);
        Ok(found.map(|alarm| alarm.state_value))
    }
}
