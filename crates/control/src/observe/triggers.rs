//! Reading what arrives at the functions that are about to be paused.
//!
//! What it costs: one `GetPolicy` a function, on a budget of its own. A function with published
//! versions costs one `ListAliases` and a `GetPolicy` for each alias and each of its newest versions; one
//! with an asynchronous trigger and no dead-letter queue costs one `ListFunctionEventInvokeConfigs`.
//!
//! A read that fails for one function holds up no other: what it would have told is noted as unread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use maintenance_flag::Reserved;

use super::ObservedFunction;
use super::policy::{Grant, triggers};
use crate::aws::{AwsError, AwsErrorKind};
use crate::events::{Delivery, FunctionEvents, Trigger};
use crate::fence::Fence;
use crate::fleet::LambdaError;
use crate::fleet::{Fleet, LATEST, Mapping, function_of_arn, origin_of_arn};
use crate::text::in_full;

/// How many of a function's versions are asked for their policies. A trigger of a version follows the
/// newest ones; deploy tools leave hundreds of old ones behind.
const NEWEST_VERSIONS: usize = 5;
/// After so many failures in a row it is not about one function: the rest are not asked, since each would be
/// tried for minutes.
const IN_A_ROW: usize = 10;

/// Reads what arrives at functions, one by one.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    fleet: &'a Fleet,
    fence: Option<&'a Fence>,
    failed_in_a_row: AtomicUsize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(fleet: &'a Fleet, fence: Option<&'a Fence>) -> Self {
        Self {
            fleet,
            fence,
            failed_in_a_row: AtomicUsize::new(0),
        }
    }

    /// What arrives at a function. Where a failure destination leads is settled later, by [`settle`].
    pub(crate) async fn read(
        &self,
        name: &str,
        current: &ObservedFunction,
    ) -> Result<FunctionEvents, LambdaError> {
        let reading = Reading {
            reader: self,
            name,
            current,
            unseen: BTreeSet::new(),
            unread: Vec::new(),
        };
        reading.events().await
    }
}

/// Sorts what was read, and takes away the failure destinations that lead to nothing. `all` are the
/// functions that will be at zero, which is where a failure destination had better not be.
pub(crate) fn settle(events: &mut [FunctionEvents], all: &BTreeMap<String, ObservedFunction>) {
    for function in &mut *events {
        let origin = all.get(&function.function).map(|current| &current.origin);
        for arrival in &mut function.arrivals {
            if let Delivery::Sent { to } = &arrival.fate {
                arrival.fate =
                    alive(to, origin, all).map_or(Delivery::Lost, |to| Delivery::Sent { to });
            }
        }
        function.arrivals.sort();
        function.arrivals.dedup();
    }
    events.sort_by(|a, b| a.function.cmp(&b.function));
}

/// Where a failure destination really leads: a function at zero takes nothing but to its own dead-letter
/// queue.
fn alive(
    arn: &str,
    origin: Option<&String>,
    all: &BTreeMap<String, ObservedFunction>,
) -> Option<String> {
    let function = function_of_arn(arn)
        .filter(|_| origin.is_some_and(|origin| origin_of_arn(arn) == origin))
        .and_then(|(name, _)| all.get(name));
    match function {
        None => Some(arn.to_owned()),
        Some(paused) => paused.versions.get(LATEST).cloned().flatten(),
    }
}

/// A trigger, and the alias or version it invokes.
type At = (Option<String>, Grant);

struct Reading<'a> {
    reader: &'a Reader<'a>,
    name: &'a str,
    current: &'a ObservedFunction,
    unseen: BTreeSet<String>,
    unread: Vec<String>,
}

impl Reading<'_> {
    async fn events(mut self) -> Result<FunctionEvents, LambdaError> {
        let mut arrivals: Vec<Trigger> = self.current.delivering().map(mapped).collect();
        // At zero already: whatever invokes it meets what it met before.
        if self.current.reserved != Reserved::Limit(0) {
            arrivals.extend(self.asked().await?);
        }
        Ok(FunctionEvents {
            unseen: self.unseen.into_iter().collect(),
            unread: self.unread,
            ..FunctionEvents::new(self.name, arrivals)
        })
    }

    /// What triggers it, unless too many reads failed in a row.
    async fn asked(&mut self) -> Result<Vec<Trigger>, LambdaError> {
        if self.reader.failed_in_a_row.load(Ordering::Relaxed) >= IN_A_ROW {
            self.unread.push(format!(
                "not asked for, since {IN_A_ROW} functions in a row could not be read"
            ));
            return Ok(Vec::new());
        }
        let triggered = self.triggered().await?;
        let in_a_row = &self.reader.failed_in_a_row;
        if self.unread.is_empty() {
            in_a_row.store(0, Ordering::Relaxed);
        } else {
            in_a_row.fetch_add(1, Ordering::Relaxed);
        }
        Ok(triggered)
    }

    async fn triggered(&mut self) -> Result<Vec<Trigger>, LambdaError> {
        let Reader { fleet, fence, .. } = *self.reader;
        let aliases = if self.current.versions.len() > 1 {
            let listed = fleet.aliases(self.name, fence).await;
            self.see(listed)?.unwrap_or_default()
        } else {
            BTreeMap::new()
        };
        let found = self.triggers(&aliases).await?;
        let safe: Vec<Option<String>> = found
            .iter()
            .map(|(qualifier, _)| self.dead_letter(qualifier.as_deref(), &aliases))
            .collect();
        let exposed =
            |((_, trigger), safe): (&At, &Option<String>)| !trigger.waits && safe.is_none();
        let destinations = if found.iter().zip(&safe).any(exposed) {
            let listed = fleet.failure_destinations(self.name, fence).await;
            self.see(listed)?
        } else {
            Some(BTreeMap::new())
        };
        let arrivals = found.into_iter().zip(safe);
        Ok(arrivals
            .map(|((qualifier, trigger), safe)| {
                let destination = destinations.as_ref().map(|destinations| {
                    destinations
                        .get(qualifier.as_deref().unwrap_or(LATEST))
                        .cloned()
                });
                let fate = match (trigger.waits, safe, destination) {
                    (true, ..) => Delivery::Throttled,
                    (false, Some(to), _) | (false, None, Some(Some(to))) => Delivery::Sent { to },
                    (false, None, Some(None)) => Delivery::Lost,
                    (false, None, None) => Delivery::Unknown,
                };
                Trigger {
                    from: trigger.from,
                    source: trigger.source,
                    qualifier,
                    fate,
                }
            })
            .collect())
    }

    /// The triggers of the function, its aliases and its newest versions.
    async fn triggers(
        &mut self,
        aliases: &BTreeMap<String, Vec<String>>,
    ) -> Result<Vec<At>, LambdaError> {
        let mut versions: Vec<u64> = self
            .current
            .versions
            .keys()
            .filter_map(|version| version.parse().ok())
            .collect();
        versions.sort_unstable_by(|a, b| b.cmp(a));
        let versions = versions.into_iter().take(NEWEST_VERSIONS);
        let qualifiers = aliases
            .keys()
            .cloned()
            .chain(versions.map(|version| version.to_string()));
        let mut found = Vec::new();
        for qualifier in std::iter::once(None).chain(qualifiers.map(Some)) {
            let Reader { fleet, fence, .. } = *self.reader;
            let read = fleet.policy(self.name, qualifier.as_deref(), fence).await;
            let Some(document) = self.see(read)? else {
                // What is denied for the function is denied for its qualifiers; and what failed for one
                // makes the function one that is not known to be safe, whatever the others say.
                break;
            };
            let Some(document) = document else {
                continue;
            };
            let parsed = triggers(&document).map_err(|error| {
                let (action, kind) = ("lambda:GetPolicy", AwsErrorKind::Unexpected);
                AwsError::new(action, self.name, kind, error).into()
            });
            let Some(triggers) = self.see(parsed)? else {
                break;
            };
            found.extend(
                triggers
                    .into_iter()
                    .map(|trigger| (qualifier.clone(), trigger)),
            );
        }
        Ok(found)
    }

    /// What was read; none, and a note of it, if that is not allowed or keeps failing.
    fn see<T>(&mut self, read: Result<T, LambdaError>) -> Result<Option<T>, LambdaError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(LambdaError::Aws(error)) if error.kind == AwsErrorKind::Denied => {
                self.unseen.insert(error.action.into_owned());
                Ok(None)
            }
            // Nothing else would go through either.
            Err(error) if error.is_of_all_calls() => Err(error),
            Err(error) => {
                self.unread.push(in_full(&error));
                Ok(None)
            }
        }
    }

    /// The dead-letter queue of what a qualifier leads to. An alias that shifts traffic has one only if
    /// both of its versions have.
    fn dead_letter(
        &self,
        qualifier: Option<&str>,
        aliases: &BTreeMap<String, Vec<String>>,
    ) -> Option<String> {
        let of = |version: &str| self.current.versions.get(version).cloned().flatten();
        let Some(qualifier) = qualifier else {
            return of(LATEST);
        };
        match aliases.get(qualifier) {
            None => of(qualifier),
            Some(versions) => {
                let queues: Option<Vec<String>> = versions.iter().map(|it| of(it)).collect();
                queues?.into_iter().next()
            }
        }
    }
}

/// What an event source mapping brings: all of them hold what they have until they are enabled again.
fn mapped(mapping: &Mapping) -> Trigger {
    // `arn:aws:sqs:…`; a self-managed Kafka cluster has no ARN.
    let service = mapping
        .source
        .as_deref()
        .and_then(|arn| arn.split(':').nth(2));
    let service = service.unwrap_or("kafka");
    Trigger {
        from: service.to_owned(),
        source: mapping.source.clone(),
        qualifier: mapping.qualifier.clone(),
        fate: match service {
            "sqs" | "mq" => Delivery::Queued,
            // Kinesis, DynamoDB, Kafka, DocumentDB: each forgets after a while.
            _ => Delivery::InStream,
        },
    }
}
