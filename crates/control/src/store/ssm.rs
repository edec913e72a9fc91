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
use crate::aws::{CallError, Kind, echoes, required};
use crate::clock::Clock;
use crate::fence::Fence;
use crate::rate_limiter::RateLimiter;
use crate::retry;
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
    clock: Clock,
    reads: RateLimiter,
    writes: RateLimiter,
}

impl SsmStore {
    /// A store behind this client, paced below what AWS allows by default.
    #[must_use]
    pub fn new(client: Client, clock: Clock) -> Self {
        Self {
            client,
            clock,
            reads: RateLimiter::with_burst(READ_RATE, 10.0),
            writes: RateLimiter::with_burst(WRITE_RATE, WRITE_BURST),
        }
    }

    /// The same store with a budget of its own: what must not wait in line behind other calls.
    pub(super) fn apart(&self) -> Self {
        Self {
            client: self.client.clone(),
            clock: self.clock,
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
        let read = retry::call(&self.reads, fence, || async {
            let get = self.client.get_parameter().name(name);
            let output = get.with_decryption(true).send().await?;
            stored(required(output.parameter, "Parameter")?)
        });
        match read.await {
            Ok((_, stored)) => Ok(Some(stored)),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(fault("ssm:GetParameter", name, error)),
        }
    }

    pub(super) async fn list(&self, path: &str) -> Result<Vec<(String, Stored)>, StoreError> {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let (page, next) = retry::call(&self.reads, None, || async {
                let ask = self.client.get_parameters_by_path().path(path);
                let ask = ask.recursive(true).with_decryption(true);
                let page = ask.set_next_token(token.clone()).send().await?;
                let parameters = required(page.parameters, "Parameters")?;
                let parameters = parameters.into_iter().map(stored);
                let parameters = parameters.collect::<Result<Vec<_>, _>>()?;
                Ok::<_, CallError>((parameters, page.next_token))
            })
            .await
            .map_err(|error| fault("ssm:GetParametersByPath", path, error))?;
            found.extend(page);
            // A page may be empty and still not be the last one.
            match next.filter(|token| !token.is_empty()) {
                Some(next) => token = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// The versions that are kept, by number. AWS keeps a hundred, on pages of fifty.
    pub(super) async fn history(&self, name: &str) -> Result<Vec<FlagVersion>, StoreError> {
        let mut found = BTreeMap::new();
        let mut token = None;
        loop {
            let page = retry::call(&self.reads, None, || async {
                let ask = self.client.get_parameter_history().name(name);
                let ask = ask.with_decryption(true).set_next_token(token.clone());
                let page = ask.send().await?;
                let versions = required(page.parameters, "Parameters")?;
                let versions = versions.into_iter().map(version);
                let versions = versions.collect::<Result<Vec<_>, _>>()?;
                Ok::<_, CallError>((versions, page.next_token))
            });
            let (page, next) = match page.await {
                Ok(page) => page,
                Err(error) if error.kind == Kind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(fault("ssm:GetParameterHistory", name, error)),
            };
            // One that is written meanwhile may move the others to other pages.
            found.extend(page.into_iter().map(|it| (it.number, it)));
            match next.filter(|token| !token.is_empty()) {
                Some(next) => token = Some(next),
                None => return Ok(found.into_values().collect()),
            }
        }
    }

    pub(super) async fn create(
        &self,
        name: &str,
        value: &str,
        fence: Option<&Fence>,
    ) -> Result<Created, StoreError> {
        check_size(name, value)?;
        let put = || self.put(name, value, false, Some(ParameterType::String));
        let put = retry::change(&self.writes, fence, put).await;
        match put {
            Ok(_) => Ok(Created::New),
            Err(error) if error.kind == Kind::Exists => {
                let is_ambiguous = error.ambiguous;
                let stored = self.get_until_visible(name, error, fence).await?;
                // Ours, if the answer to our own first attempt was lost. The caller's values carry
                // what makes them unique where that matters.
                if is_ambiguous && stored.value == value {
                    return Ok(Created::New);
                }
                Ok(Created::Exists(stored))
            }
            Err(error) => Err(fault("ssm:PutParameter", name, error)),
        }
    }

    /// Reads what must exist, since creating it was refused; a lagging read may not show it yet.
    async fn get_until_visible(
        &self,
        name: &str,
        refusal: CallError,
        fence: Option<&Fence>,
    ) -> Result<Stored, StoreError> {
        for _ in 0..LAG_READS {
            if let Some(stored) = self.read(name, fence).await? {
                return Ok(stored);
            }
            let pause = self.clock.sleep(Duration::from_millis(500));
            match fence {
                Some(fence) => fence.until_stopped(pause).await?,
                None => pause.await,
            }
        }
        Err(fault("ssm:PutParameter", name, refusal))
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
            retry::change(&self.writes, fence, move || {
                self.put(name, value, true, kind())
            })
        };
        let written = match write(!exists).await {
            Err(error) if is_of_the_type(&error) => write(exists).await,
            written => written,
        };
        written.map_err(|error| fault("ssm:PutParameter", name, error))
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
            retry::change(&self.writes, fence, || async {
                let delete = self.client.delete_parameters();
                let answer = delete.set_names(Some(batch.to_vec())).send().await?;
                // One that does not exist is named too.
                let deleted = answer.deleted_parameters().iter();
                let named: Vec<_> = deleted.chain(answer.invalid_parameters()).collect();
                let are_all = batch.iter().all(|name| named.contains(&name));
                echoes(are_all, "DeletedParameters")
            })
            .await
            .map_err(|error| fault("ssm:DeleteParameters", &batch.join(", "), error))?;
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
fn is_of_the_type(error: &CallError) -> bool {
    error.kind == Kind::Invalid
        && (error.message.starts_with("HierarchyTypeMismatchException")
            || error.message.contains("parameter type is required"))
}

/// The permission on a KMS key that was missing, if it was one. Parameter Store hands on what KMS
/// answered; only newer answers name the permission.
fn missing_for_kms(action: &str, message: &str) -> Option<String> {
    let named = message.split_once("to perform: kms:");
    if let Some((_, rest)) = named {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        return Some(format!("kms:{}", &rest[..end.unwrap_or(rest.len())]));
    }
    let by_kms = ["AWSKMS", "Service: Kms", "The ciphertext refers to"];
    let needed = if action == "ssm:PutParameter" {
        "kms:Encrypt"
    } else {
        "kms:Decrypt"
    };
    by_kms
        .iter()
        .any(|it| message.contains(it))
        .then(|| needed.to_owned())
}

fn fault(action: &str, name: &str, error: CallError) -> StoreError {
    let error = match error.into_access() {
        Ok(access) => return StoreError::NotConfigured(access),
        Err(error) => error,
    };
    let (action, name) = (action.to_owned(), name.to_owned());
    let kind = error.kind;
    let message = error.message;
    let source = error.source;
    match kind {
        Kind::Denied if let Some(action) = missing_for_kms(&action, &message) => {
            StoreError::AccessDenied {
                action,
                name,
                source,
            }
        }
        Kind::Invalid if message.starts_with("InvalidKeyId") => {
            StoreError::KeyUnusable { name, source }
        }
        Kind::Invalid if message.starts_with("ParameterPatternMismatchException") => {
            StoreError::PatternMismatch { name, source }
        }
        Kind::Denied => StoreError::AccessDenied {
            action,
            name,
            source,
        },
        Kind::Throttled | Kind::Conflict => StoreError::Throttled {
            action,
            name,
            source,
        },
        Kind::Transient => StoreError::Unreachable {
            action,
            name,
            source,
        },
        Kind::Halted(halt) => StoreError::Halted(halt),
        Kind::NotFound | Kind::Missing | Kind::Exists | Kind::Invalid | Kind::Access => {
            StoreError::Failed {
                action,
                name,
                source,
            }
        }
    }
}
