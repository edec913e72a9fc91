//! The functions of the account, listed.
//!
//! `ListFunctions` shows fifty functions a page, or with `FunctionVersion=ALL` fifty versions a page. One
//! listing of all versions is the cheapest way to read those of many functions, but an account in which
//! every deploy publishes a version may have hundreds of thousands: then the versions of the selected
//! functions are listed function by function.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_lambda::types::{FunctionConfiguration, FunctionVersion};

use super::arn::origin_of_arn;
use super::error::existing;
use super::{Fleet, LATEST, LambdaError, seconds};
use crate::aws::{AwsError, CallError, required};
use crate::fence::Fence;

/// How many pages of all versions are read before it is asked whether listing function by function is
/// cheaper: five thousand versions, ten seconds at the default rate.
const PAGES: usize = 100;

/// A function that a role selects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) name: String,
    /// Only a function with published versions can have provisioned concurrency.
    pub(crate) has_versions: bool,
    /// The longest timeout of any of its listed versions, seconds.
    pub(crate) timeout: u32,
    /// Its listed versions, `$LATEST` among them, each with the ARN of its dead-letter queue if it has one.
    pub(crate) versions: BTreeMap<String, Option<String>>,
}

/// Which versions of functions are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versions {
    /// `$LATEST` alone.
    Latest,
    /// The published ones, too.
    All,
}

/// One version of a function, as a list shows it.
struct Version {
    function: String,
    number: String,
    timeout: u32,
    dead_letter: Option<String>,
}

impl Version {
    fn new(listed: FunctionConfiguration) -> Result<Self, CallError> {
        let dead_letter = listed.dead_letter_config.and_then(|it| it.target_arn);
        Ok(Self {
            function: required(listed.function_name, "FunctionName")?,
            number: required(listed.version, "Version")?,
            timeout: seconds(listed.timeout)?,
            dead_letter: dead_letter.filter(|arn| !arn.is_empty()),
        })
    }
}

/// Functions and their versions, as pages of a list show them.
#[derive(Default)]
struct Listing(BTreeMap<String, Selected>);

impl Listing {
    fn of(versions: Vec<Version>) -> Self {
        let mut listing = Self::default();
        versions.into_iter().for_each(|it| listing.add(it));
        listing
    }

    fn add(&mut self, version: Version) {
        let entry = self.0.entry(version.function.clone()).or_default();
        entry.name = version.function;
        entry.has_versions |= version.number != LATEST;
        entry.timeout = entry.timeout.max(version.timeout);
        entry.versions.insert(version.number, version.dead_letter);
    }
}

type Page = (Vec<Version>, Option<String>);

impl Fleet {
    /// The functions that are selected by name, sorted.
    pub(crate) async fn list(
        &self,
        is_selected: impl Fn(&str) -> bool + Sync,
        versions: Versions,
        fence: Option<&Fence>,
    ) -> Result<Vec<Selected>, LambdaError> {
        let is_selected = &is_selected;
        let listed = match versions {
            Versions::Latest => Ok(self.list_latest(is_selected, fence).await?),
            Versions::All => self.list_versions(is_selected, fence).await?,
        };
        match listed {
            Ok(Listing(functions)) => Ok(functions.into_values().collect()),
            Err(Listing(latest)) => {
                let mut functions = Vec::with_capacity(latest.len());
                for name in latest.into_keys() {
                    functions.extend(self.list_versions_of(name, fence).await?);
                }
                Ok(functions)
            }
        }
    }

    async fn list_latest(
        &self,
        is_selected: &(impl Fn(&str) -> bool + Sync),
        fence: Option<&Fence>,
    ) -> Result<Listing, AwsError> {
        let call = self.call("lambda:ListFunctions", "all functions", fence);
        let listed = call.read_pages(async |marker| {
            let (mut page, next) = self.page(None, marker).await?;
            page.retain(|version| is_selected(&version.function));
            Ok((page, next))
        });
        Ok(Listing::of(listed.await?))
    }

    /// Lists the selected functions with all their versions. As an error with `$LATEST` alone, if the account
    /// has so many versions that listing function by function is cheaper.
    async fn list_versions(
        &self,
        is_selected: &(impl Fn(&str) -> bool + Sync),
        fence: Option<&Fence>,
    ) -> Result<Result<Listing, Listing>, AwsError> {
        let mut listing = Listing::default();
        let mut latest = None;
        let mut marker = None;
        let mut left = PAGES;
        loop {
            let all = Some(FunctionVersion::All);
            let call = self.call("lambda:ListFunctions", "all functions", fence);
            let page = call.read(|| self.page(all.clone(), marker.clone()));
            let (page, next) = page.await?;
            let selected = page.into_iter().filter(|it| is_selected(&it.function));
            selected.for_each(|version| listing.add(version));
            marker = next.filter(|next| !next.is_empty());
            if marker.is_none() {
                return Ok(Ok(listing));
            }
            left = left.saturating_sub(1);
            if left > 0 {
                continue;
            }
            if let Some(latest) = latest {
                return Ok(Err(latest));
            }
            // Function by function it is a call each: for as many more pages, going on is as cheap.
            let functions = self.list_latest(is_selected, fence).await?;
            left = functions.0.len();
            if left == 0 {
                return Ok(Ok(functions));
            }
            latest = Some(functions);
        }
    }

    /// A function with all its versions; none if it was deleted since it was listed.
    pub(crate) async fn list_versions_of(
        &self,
        name: String,
        fence: Option<&Fence>,
    ) -> Result<Option<Selected>, LambdaError> {
        let call = self.call("lambda:ListVersionsByFunction", &name, fence);
        let listed = call.read_pages(async |marker| {
            let ask = self.client.list_versions_by_function();
            let ask = ask.function_name(&name).set_marker(marker);
            let page = ask.send().await?;
            let versions = required(page.versions, "Versions")?.into_iter();
            let versions = versions.map(Version::new).collect::<Result<_, _>>()?;
            Ok((versions, page.next_marker))
        });
        let versions = existing(listed.await)?.unwrap_or_default();
        Ok(Listing::of(versions).0.into_values().next())
    }

    /// The names of all functions that there are: to be certain of what a call does not find.
    pub(crate) async fn names(
        &self,
        fence: Option<&Fence>,
    ) -> Result<BTreeSet<String>, LambdaError> {
        let call = self.call("lambda:ListFunctions", "all functions", fence);
        let listed = call.read_pages(async |marker| {
            let (page, next) = self.page(None, marker).await?;
            Ok((page.into_iter().map(|it| it.function).collect(), next))
        });
        Ok(listed.await?.into_iter().collect())
    }

    /// One page of functions, and the marker of the next.
    async fn page(
        &self,
        versions: Option<FunctionVersion>,
        marker: Option<String>,
    ) -> Result<Page, CallError> {
        let ask = self.client.list_functions().set_function_version(versions);
        let page = ask.set_marker(marker).send().await?;
        let functions = required(page.functions, "Functions")?.into_iter();
        let functions = functions.map(Version::new).collect::<Result<_, _>>()?;
        Ok((functions, page.next_marker))
    }

    /// Where these credentials look for functions. None if there is no function to tell by, and STS does not say it
    /// either.
    pub(crate) async fn origin(
        &self,
        fence: Option<&Fence>,
    ) -> Result<Option<String>, LambdaError> {
        let call = self.call("lambda:ListFunctions", "all functions", fence);
        let functions = call.read(|| async {
            let page = self.client.list_functions().max_items(1).send().await?;
            required(page.functions, "Functions")
        });
        let first = functions.await?.into_iter().next();
        if let Some(arn) = first.and_then(|function| function.function_arn) {
            return Ok(Some(origin_of_arn(&arn).to_owned()));
        }
        // On the heap: it is seldom needed, and STS makes a deep future of it.
        let origin = Box::pin(self.identity.lambda_origin());
        match fence {
            Some(fence) => Ok(fence.until_stopped(origin).await?),
            None => Ok(origin.await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsErrorKind;

    #[test]
    fn a_version_without_a_field_that_aws_always_sends_is_not_believed() {
        let whole = FunctionConfiguration::builder()
            .function_name("a")
            .version(LATEST)
            .timeout(900);
        let version = Version::new(whole.clone().build()).unwrap();
        assert_eq!((version.number.as_str(), version.timeout), (LATEST, 900));
        for (without, field) in [
            (whole.clone().set_function_name(None), "FunctionName"),
            (whole.clone().set_version(None), "Version"),
            (whole.clone().set_timeout(None), "Timeout"),
        ] {
            let error = Version::new(without.build()).err().unwrap();
            assert!(error.to_string().ends_with(field), "{error}");
            assert_eq!(error.kind, AwsErrorKind::Transient, "it is asked again");
        }
    }
}
