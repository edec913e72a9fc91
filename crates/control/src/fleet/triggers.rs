//! What invokes a function, as far as Lambda knows: its resource policies, its aliases, and where
//! events go that fail. Reads only.

use std::collections::BTreeMap;

use aws_sdk_lambda::types::{AliasConfiguration, FunctionEventInvokeConfig};

use super::Fleet;
use super::LambdaError;
use super::fault::{fault, function_of_arn};
use super::pages::{existing, pages};
use crate::aws::{CallError, doubted, required};
use crate::fence::Fence;
use crate::retry;

/// What is asked for when a function itself is meant, and no version or alias.
pub(crate) const LATEST: &str = "$LATEST";

impl Fleet {
    /// The resource policy of a function, or of one of its qualifiers; none if it has none. `GetPolicy`
    /// has 15 requests a second of its own [Lambda quotas].
    pub(crate) async fn policy(
        &self,
        name: &str,
        qualifier: Option<&str>,
        fence: Option<&Fence>,
    ) -> Result<Option<String>, LambdaError> {
        let call = retry::call(&self.get_policy, fence, || async {
            let ask = self.client.get_policy().function_name(name);
            let ask = ask.set_qualifier(qualifier.map(str::to_owned));
            required(ask.send().await?.policy, "Policy")
        });
        existing(call.await).map_err(|error| fault("lambda:GetPolicy", name, error))
    }

    /// The versions that each alias of a function leads to: one, or two while traffic is shifted.
    pub(crate) async fn aliases(
        &self,
        name: &str,
        fence: Option<&Fence>,
    ) -> Result<BTreeMap<String, Vec<String>>, LambdaError> {
        let mut found = BTreeMap::new();
        let ask = |marker: Option<String>| {
            retry::call(&self.shared, fence, move || {
                let ask = self.client.list_aliases().function_name(name);
                let ask = ask.set_marker(marker.clone());
                async {
                    let page = ask.send().await.map_err(doubted)?;
                    let aliases = required(page.aliases, "Aliases")?;
                    Ok::<_, CallError>((aliases, page.next_marker))
                }
            })
        };
        let take = |(aliases, next): (Vec<AliasConfiguration>, Option<String>)| {
            for alias in aliases {
                let Some(name) = alias.name else {
                    continue;
                };
                let shifted = alias
                    .routing_config
                    .and_then(|r| r.additional_version_weights);
                let mut versions: Vec<String> = alias.function_version.into_iter().collect();
                versions.extend(shifted.into_iter().flat_map(|weights| weights.into_keys()));
                found.insert(name, versions);
            }
            next
        };
        existing(pages(ask, take).await)
            .map_err(|error| fault("lambda:ListAliases", name, error))?;
        Ok(found)
    }

    /// The on-failure destinations of a function's asynchronous invocations, by qualifier
    /// ([`LATEST`] for the function itself).
    pub(crate) async fn failure_destinations(
        &self,
        name: &str,
        fence: Option<&Fence>,
    ) -> Result<BTreeMap<String, String>, LambdaError> {
        let mut found = BTreeMap::new();
        let ask = |marker: Option<String>| {
            retry::call(&self.shared, fence, move || {
                let ask = self.client.list_function_event_invoke_configs();
                let ask = ask.function_name(name).set_marker(marker.clone());
                async {
                    let page = ask.send().await.map_err(doubted)?;
                    let field = "FunctionEventInvokeConfigs";
                    let configs = required(page.function_event_invoke_configs, field)?;
                    Ok::<_, CallError>((configs, page.next_marker))
                }
            })
        };
        let take = |(configs, next): (Vec<FunctionEventInvokeConfig>, Option<String>)| {
            for config in configs {
                let destination = config
                    .destination_config
                    .and_then(|config| config.on_failure)
                    .and_then(|on_failure| on_failure.destination)
                    .filter(|arn| !arn.is_empty());
                let arn = config.function_arn.unwrap_or_default();
                let qualifier = function_of_arn(&arn).and_then(|(_, qualifier)| qualifier);
                if let Some(destination) = destination {
                    found.insert(qualifier.unwrap_or(LATEST).to_owned(), destination);
                }
            }
            next
        };
        existing(pages(ask, take).await)
            .map_err(|error| fault("lambda:ListFunctionEventInvokeConfigs", name, error))?;
        Ok(found)
    }
}
