//! Reading what says from outside whether maintenance is needed: a parameter, an alarm, a change calendar.
//!
//! It reads only, and belongs to no app: an observer may look at anything that the credentials may read. What a
//! value means is the observer's business.

use std::time::Duration;

use aws_sdk_ssm::types::{CalendarState as SdkCalendarState, ParameterType};
use jiff::Timestamp;

use crate::aws::{AwsError, AwsErrorKind, CallError, Clients, CloudWatch, required};
use crate::rate_limiter::RateLimiter;
use crate::retry::Call;
use crate::text::in_full;

/// Calls per second. Observers look every few seconds at most.
const RATE: f64 = 5.0;

/// Clients for what observers look at, with the credentials and the region of one app.
#[derive(Debug, Clone)]
pub struct Probe {
    ssm: aws_sdk_ssm::Client,
    cloudwatch: CloudWatch,
    rate_limiter: RateLimiter,
}

/// A parameter of Parameter Store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedParameter {
    /// Its value, decrypted.
    pub value: String,
    /// It is a `SecureString`: the value must not be shown.
    pub is_secret: bool,
}

/// The state of an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlarmState {
    /// `ALARM`.
    Alarm,
    /// `OK`.
    Ok,
    /// `INSUFFICIENT_DATA`.
    InsufficientData,
    /// One of a later version of CloudWatch.
    Other(String),
}

/// The state of an SSM Change Calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarState {
    /// Whether changes are allowed: `OPEN`. False: `CLOSED`.
    pub is_open: bool,
    /// When that changes next, UTC, if it is known.
    pub next_transition: Option<Timestamp>,
}

/// Why something could not be read, in one sentence, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProbeError(String);

impl Probe {
    /// With these clients.
    #[must_use]
    pub fn new(clients: &Clients) -> Self {
        Self {
            ssm: clients.ssm.clone(),
            cloudwatch: clients.cloudwatch.clone(),
            rate_limiter: RateLimiter::per_second(RATE),
        }
    }

    /// The same, whose calls are given up after so long without an answer.
    #[must_use]
    pub fn with_answer_limit(&self, limit: Duration) -> Self {
        Self {
            rate_limiter: self.rate_limiter.with_answer_limit(limit),
            ..self.clone()
        }
    }

    /// A parameter; none if it does not exist (`ssm:GetParameter`).
    ///
    /// # Errors
    /// [`ProbeError`].
    pub async fn parameter(&self, name: &str) -> Result<Option<ProbedParameter>, ProbeError> {
        let read = self.call("ssm:GetParameter", name).read(|| async {
            let get = self.ssm.get_parameter().name(name).with_decryption(true);
            let parameter = required(get.send().await?.parameter, "Parameter")?;
            Ok(ProbedParameter {
                is_secret: parameter.r#type == Some(ParameterType::SecureString),
                value: required(parameter.value, "Value")?,
            })
        });
        match read.await {
            Ok(parameter) => Ok(Some(parameter)),
            Err(error) if error.kind == AwsErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// The state of a metric or composite alarm; none if there is no alarm of this name
    /// (`cloudwatch:DescribeAlarms`).
    ///
    /// # Errors
    /// [`ProbeError`].
    pub async fn alarm(&self, name: &str) -> Result<Option<AlarmState>, ProbeError> {
        let call = self.call("cloudwatch:DescribeAlarms", name);
        let read = call.read(|| self.cloudwatch.alarm(name));
        let state = read.await.map_err(|error| failed(&error))?;
        Ok(state.map(AlarmState::of))
    }

    /// The state of a change calendar, by its name or ARN (`ssm:GetCalendarState`).
    ///
    /// # Errors
    /// [`ProbeError`]; also if there is no such calendar.
    pub async fn calendar(&self, name: &str) -> Result<CalendarState, ProbeError> {
        let read = self.call("ssm:GetCalendarState", name).read(|| async {
            let ask = self.ssm.get_calendar_state().calendar_names(name);
            let answer = ask.send().await?;
            let is_open = match required(answer.state, "State")? {
                SdkCalendarState::Open => true,
                SdkCalendarState::Closed => false,
                other => {
                    let what = format!("its State is {:?}", other.as_str());
                    return Err(CallError::incomplete(&what));
                }
            };
            let next = answer.next_transition_time;
            Ok(CalendarState {
                is_open,
                next_transition: next.and_then(|time| time.parse().ok()),
            })
        });
        read.await.map_err(|error| failed(&error))
    }

    fn call<'a>(&'a self, action: &'static str, name: &'a str) -> Call<'a> {
        Call::new(action, name, &self.rate_limiter, None)
    }
}

impl AlarmState {
    fn of(state: String) -> Self {
        match state.as_str() {
            "ALARM" => Self::Alarm,
            "OK" => Self::Ok,
            "INSUFFICIENT_DATA" => Self::InsufficientData,
            _ => Self::Other(state),
        }
    }

    /// As CloudWatch has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Alarm => "ALARM",
            Self::Ok => "OK",
            Self::InsufficientData => "INSUFFICIENT_DATA",
            Self::Other(state) => state,
        }
    }
}

/// What was called, why it failed, and what to do.
fn failed(error: &AwsError) -> ProbeError {
    let AwsError { action, source, .. } = error;
    let hint = || error.hint().unwrap_or_default();
    ProbeError(match error.kind {
        AwsErrorKind::Denied => format!("not allowed to call {action}: {}", hint()),
        AwsErrorKind::Access => format!("{}: {}", in_full(error), hint()),
        _ => format!("{action} failed: {source}"),
    })
}
