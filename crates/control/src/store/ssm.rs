//! Parameter Store, through the SDK. Reads may lag behind writes, an answer may be lost after its
//! effect, and pages may be empty: all three are dealt with here.
//!
//! A policy of the organisation may have turned a parameter into a `SecureString`. So reads ask for
//! decryption, which other types ignore, and a parameter that is overwritten keeps its type.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterHistory, ParameterType};
use jiff::{Timestamp, Unit};
use maintenance_flag::{FlagVersion, MAX_VALUE_BYTES};

use super::{Created, Revision, Stored, Written};
use crate::aws::{AwsError, AwsErrorKind, CallError, echoes, required};
use crate::fence::Fence;
use crate::rate_limiter::RateLimiter;
use crate::retry::Call;
use crate::store::StoreError;

/// How many names one `DeleteParameters` takes.
const DELETE_BATCH: usize = 10;
/// How often a parameter that must exist is read until a lagging read shows it.
const LAG_READS: u32 = 12;
/// Calls per second for reads. AWS allows 40 a region by default, shared with every gate.
const READ_RATE: f64 = 20.0;
/// Calls per second for writes. AWS allows a few.
const WRITE_RATE: f64 = 2.5;
/// Writes at once after a pause: what an operation writes before the flag, and the flag.
const WRITE_BURST: f64 = 3.0;

/// AWS Systems Manager Parameter Store.
#[derive(Debug, Clone)]
pub struct SsmStore {
    client: Client,
    reads: RateLimiter,
    writes: RateLimiter,
}

impl SsmStore {
    /// A store behind this client, paced below what AWS allows by default.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            reads: RateLimiter::with_burst(READ_RATE, 10.0),
            writes: RateLimiter::with_burst(WRITE_RATE, WRITE_BURST),
        }
    }

    /// The same store with a budget of its own: what must not wait in line behind other calls.
    pub(super) fn apart(&self) -> Self {
        Self {
            client: self.client.clone(),
            reads: self.reads.without_backoff(),
            writes: self.writes.without_backoff(),
        }
    }

    pub(super) fn with_answer_limit(&self, limit: Duration) -> Self {
        Self {
            reads: self.reads.with_answer_limit(limit),
            ..self.clone()
        }
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Stored>, StoreError> {
        self.read(name, None).await
    }

    async fn read(&self, name: &str, fence: Option<&Fence>) -> Result<Option<Stored>, StoreError> {
        let call = Call::new("ssm:GetParameter", name, &self.reads, fence);
        let read = call.read(|| async {
            let get = self.client.get_parameter().name(name);
            let output = get.with_decryption(true).send().await?;
            stored(required(output.parameter, "Parameter")?)
        });
        match read.await {
            Ok((_, stored)) => Ok(Some(stored)),
            Err(error) if error.kind == AwsErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn list(&self, path: &str) -> Result<Vec<(String, Stored)>, StoreError> {
        let call = Call::new("ssm:GetParametersByPath", path, &self.reads, None);
        let listed = call.read_pages(async |token| {
            let ask = self.client.get_parameters_by_path().path(path);
            let ask = ask.recursive(true).with_decryption(true);
            let page = ask.set_next_token(token).send().await?;
            let parameters = required(page.parameters, "Parameters")?.into_iter();
            let parameters = parameters.map(stored).collect::<Result<_, _>>()?;
            Ok((parameters, page.next_token))
        });
        Ok(listed.await?)
    }

    /// The versions that are kept, by number. AWS keeps a hundred, on pages of fifty.
    pub(super) async fn history(&self, name: &str) -> Result<Vec<FlagVersion>, StoreError> {
        let call = Call::new("ssm:GetParameterHistory", name, &self.reads, None);
        let listed = call.read_pages(async |token| {
            let ask = self.client.get_parameter_history().name(name);
            let ask = ask.with_decryption(true).set_next_token(token);
            let page = ask.send().await?;
            let versions = required(page.parameters, "Parameters")?.into_iter();
            let versions = versions.map(version).collect::<Result<Vec<_>, _>>()?;
            Ok((versions, page.next_token))
        });
        let versions = match listed.await {
            Ok(versions) => versions.into_iter().map(|it| (it.number, it)),
            Err(error) if error.kind == AwsErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        // One that is written meanwhile may move the others to other pages.
        let versions: BTreeMap<_, _> = versions.collect();
        Ok(versions.into_values().collect())
    }

    fn put_call<'a>(&'a self, name: &'a str, fence: Option<&'a Fence>) -> Call<'a> {
        Call::new("ssm:PutParameter", name, &self.writes, fence)
    }

    pub(super) async fn create(
        &self,
        name: &str,
        value: &str,
        fence: Option<&Fence>,
    ) -> Result<Created, StoreError> {
        check_size(name, value)?;
        let put = || self.put(name, value, false, Some(ParameterType::String));
        match self.put_call(name, fence).change(put).await {
            Ok(_) => Ok(Created::New),
            Err(error) if error.kind == AwsErrorKind::Exists => {
                let is_ambiguous = error.ambiguous;
                let stored = self.get_until_visible(name, error, fence).await?;
                // Ours, if the answer to our own first attempt was lost. The caller's values carry
                // what makes them unique where that matters.
                if is_ambiguous && stored.value == value {
                    return Ok(Created::New);
                }
                Ok(Created::Exists(stored))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what must exist, since creating it was refused; a lagging read may not show it yet.
    async fn get_until_visible(
        &self,
        name: &str,
        refusal: AwsError,
        fence: Option<&Fence>,
    ) -> Result<Stored, StoreError> {
        for _ in 0..LAG_READS {
            if let Some(stored) = self.read(name, fence).await? {
                return Ok(stored);
            }
            let pause = tokio::time::sleep(Duration::from_millis(500));
            match fence {
                Some(fence) => fence.until_stopped(pause).await?,
                None => pause.await,
            }
        }
        Err(refusal.into())
    }

    pub(super) async fn replace(
        &self,
        name: &str,
        value: &str,
        seen: Option<&Stored>,
        fence: Option<&Fence>,
    ) -> Result<Written, StoreError> {
        let version = self.write(name, value, seen.is_some(), fence).await?;
        let revision = Revision(version);
        let created = version == 1;
        let expected = seen.map_or(0, |stored| stored.revision.0) + 1;
        if version <= expected {
            return Ok(Written {
                revision,
                between: None,
                created,
            });
        }
        // Another client wrote in between; the version before ours says what.
        let between = self.read(&format!("{name}:{}", version - 1), fence).await;
        // It is written, whatever becomes of that read.
        let between = between.unwrap_or_else(|error| {
            tracing::warn!(%error, "could not read what was overwritten");
            None
        });
        Ok(Written {
            revision,
            between: between.filter(|stored| stored.value != value),
            created,
        })
    }

    /// Writes and returns the version written.
    ///
    /// A parameter that is there keeps its type if none is named, and refuses another; one that is not
    /// there needs one [API reference, `PutParameter`]. Whether it is there is what a read said, which
    /// may be old: the refusal tells, and then it is the other way.
    async fn write(
        &self,
        name: &str,
        value: &str,
        exists: bool,
        fence: Option<&Fence>,
    ) -> Result<u64, StoreError> {
        check_size(name, value)?;
        let write = |named: bool| {
            let kind = move || named.then_some(ParameterType::String);
            let put = move || self.put(name, value, true, kind());
            self.put_call(name, fence).change(put)
        };
        match write(!exists).await {
            Err(error) if is_of_the_type(&error) => Ok(write(exists).await?),
            written => Ok(written?),
        }
    }

    /// Writes, and returns the version written.
    async fn put(
        &self,
        name: &str,
        value: &str,
        overwrite: bool,
        kind: Option<ParameterType>,
    ) -> Result<u64, CallError> {
        let put = self.client.put_parameter().name(name).value(value);
        let put = put.set_type(kind).overwrite(overwrite);
        let version = u64::try_from(put.send().await?.version);
        required(version.ok().filter(|version| *version > 0), "Version")
    }

    pub(super) async fn delete(
        &self,
        names: &[String],
        fence: Option<&Fence>,
    ) -> Result<(), StoreError> {
        for batch in names.chunks(DELETE_BATCH) {
            let names = batch.join(", ");
            let call = Call::new("ssm:DeleteParameters", &names, &self.writes, fence);
            let delete = call.change(|| async {
                let delete = self.client.delete_parameters();
                let answer = delete.set_names(Some(batch.to_vec())).send().await?;
                // One that does not exist is named too.
                let deleted = answer.deleted_parameters().iter();
                let named: Vec<_> = deleted.chain(answer.invalid_parameters()).collect();
                let are_all = batch.iter().all(|name| named.contains(&name));
                echoes(are_all, "DeletedParameters")
            });
            delete.await?;
        }
        Ok(())
    }
}

/// The name of a parameter, and what is stored.
fn stored(parameter: aws_sdk_ssm::types::Parameter) -> Result<(String, Stored), CallError> {
    let version = u64::try_from(parameter.version).ok();
    let revision = Revision(required(version.filter(|it| *it > 0), "Version")?);
    let value = required(parameter.value, "Value")?;
    Ok((
        required(parameter.name, "Name")?,
        Stored { value, revision },
    ))
}

fn version(version: ParameterHistory) -> Result<FlagVersion, CallError> {
    let number = u64::try_from(version.version).ok();
    let at = version.last_modified_date.map(|date| date.as_nanos());
    let at = at.and_then(|nanos| Timestamp::from_nanosecond(nanos).ok());
    // AWS sends seconds with three decimals, as a number that need not hold them exactly.
    let at = at.and_then(|at| at.round(Unit::Millisecond).ok());
    Ok(FlagVersion {
        number: required(number.filter(|it| *it > 0), "Version")?,
        value: required(version.value, "Value")?,
        at: required(at, "LastModifiedDate")?,
        user: version.last_modified_user.filter(|user| !user.is_empty()),
    })
}

fn check_size(name: &str, value: &str) -> Result<(), StoreError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(StoreError::TooLarge {
            name: name.to_owned(),
            bytes: value.len(),
        });
    }
    Ok(())
}

/// Whether a write was refused for the type that it named, or did not name.
fn is_of_the_type(error: &AwsError) -> bool {
    let said = error.source.to_string();
    error.kind == AwsErrorKind::Invalid
        && (said.starts_with("HierarchyTypeMismatchException")
            || said.contains("parameter type is required"))
}

/// The permission on a KMS key that was missing, if it was one. Parameter Store hands on what KMS
/// answered; only newer answers name the permission.
fn missing_for_kms(action: &str, said: &str) -> Option<String> {
    if let Some((_, rest)) = said.split_once("to perform: kms:") {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        return Some(format!("kms:{}", &rest[..end.unwrap_or(rest.len())]));
    }
    let mut by_kms = ["AWSKMS", "Service: Kms", "The ciphertext refers to"].iter();
    let needed = match action {
        "ssm:PutParameter" => "kms:Encrypt",
        _ => "kms:Decrypt",
    };
    let is_by_kms = by_kms.any(|it| said.contains(it));
    is_by_kms.then(|| needed.to_owned())
}

impl From<AwsError> for StoreError {
    fn from(mut error: AwsError) -> Self {
        match error.kind {
            AwsErrorKind::Halted(halt) => return Self::Halted(halt),
            AwsErrorKind::Denied => {
                let missing = missing_for_kms(&error.action, &error.source.to_string());
                error.action = missing.map_or(error.action, Into::into);
            }
            _ => {}
        }
        Self::Aws(error)
    }
}
