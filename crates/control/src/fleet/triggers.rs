//! What invokes a function, as far as Lambda knows: its resource policies, its aliases, and where
//! events go that fail. Reads only.

use std::collections::BTreeMap;

use super::arn::function_of_arn;
use super::error::existing;
use super::{Fleet, LambdaError};
use crate::aws::{doubted, required};
use crate::fence::Fence;
use crate::retry::Call;

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
        let call = Call::new("lambda:GetPolicy", name, &self.get_policy, fence);
        let read = call.read(|| async {
            let ask = self.client.get_policy().function_name(name);
            let ask = ask.set_qualifier(qualifier.map(str::to_owned));
            required(ask.send().await?.policy, "Policy")
        });
        existing(read.await)
    }

    /// The versions that each alias of a function leads to: one, or two while traffic is shifted.
    pub(crate) async fn aliases(
        &self,
        name: &str,
        fence: Option<&Fence>,
    ) -> Result<BTreeMap<String, Vec<String>>, LambdaError> {
        let call = self.call("lambda:ListAliases", name, fence);
        let listed = call.read_pages(async |marker| {
            let ask = self.client.list_aliases().function_name(name);
            let page = ask.set_marker(marker).send().await.map_err(doubted)?;
            Ok((required(page.aliases, "Aliases")?, page.next_marker))
        });
        let aliases = existing(listed.await)?.unwrap_or_default().into_iter();
        let aliases = aliases.filter_map(|alias| {
            let shifted = alias.routing_config;
            let shifted = shifted.and_then(|it| it.additional_version_weights);
            let mut versions: Vec<String> = alias.function_version.into_iter().collect();
            versions.extend(shifted.into_iter().flat_map(|weights| weights.into_keys()));
            Some((alias.name?, versions))
        });
        Ok(aliases.collect())
    }

    /// The on-failure destinations of a function's asynchronous invocations, by qualifier
    /// ([`LATEST`] for the function itself).
    pub(crate) async fn failure_destinations(
        &self,
        name: &str,
        fence: Option<&Fence>,
    ) -> Result<BTreeMap<String, String>, LambdaError> {
        let call = self.call("lambda:ListFunctionEventInvokeConfigs", name, fence);
        let listed = call.read_pages(async |marker| {
            let ask = self.client.list_function_event_invoke_configs();
            let ask = ask.function_name(name).set_marker(marker);
            let page = ask.send().await.map_err(doubted)?;
            let field = "FunctionEventInvokeConfigs";
            let configs = required(page.function_event_invoke_configs, field)?;
            Ok((configs, page.next_marker))
        });
        let configs = existing(listed.await)?.unwrap_or_default().into_iter();
        let destinations = configs.filter_map(|config| {
            let on_failure = config.destination_config?.on_failure?;
            let destination = on_failure.destination.filter(|arn| !arn.is_empty())?;
            let arn = config.function_arn.unwrap_or_default();
            let qualifier = function_of_arn(&arn).and_then(|(_, qualifier)| qualifier);
            Some((qualifier.unwrap_or(LATEST).to_owned(), destination))
        });
        Ok(destinations.collect())
    }
}
