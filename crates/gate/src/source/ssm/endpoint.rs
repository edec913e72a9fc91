//! Which server is Parameter Store: what the AWS SDK for Rust chooses, by the endpoint rules of
//! aws-sdk-ssm 1.133.0 and the partitions in them. A test here compares the two.

use http::Uri;

use super::settings::EndpointOptions;
use crate::source::BoxError;

/// A part of AWS with domain names of its own.
struct Partition {
    /// What its regions begin with.
    regions: &'static str,
    suffix: &'static str,
    dual_stack_suffix: &'static str,
    /// Whether its plain endpoints are the FIPS ones.
    is_fips: bool,
}

impl Partition {
    const fn new(
        regions: &'static str,
        suffix: &'static str,
        dual_stack_suffix: &'static str,
    ) -> Self {
        Self {
            regions,
            suffix,
            dual_stack_suffix,
            is_fips: false,
        }
    }
}

/// Any region that is in no other partition.
const AWS: Partition = Partition::new("", "amazonaws.com", "api.aws");

const OTHERS: [Partition; 7] = [
    Partition::new("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    Partition {
        is_fips: true,
        ..Partition::new("us-gov-", "amazonaws.com", "api.aws")
    },
    Partition::new("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    Partition::new("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    Partition::new("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    Partition::new("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    Partition::new("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
];

/// The URL of all requests; it ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint(String);

impl Endpoint {
    pub(super) fn url(&self) -> &str {
        &self.0
    }

    pub(super) fn resolve(region: &str, options: &EndpointOptions) -> Result<Self, BoxError> {
        if let Some((variable, url)) = &options.url {
            if options.fips || options.dual_stack {
                return Err(format!(
                    "{variable} cannot be combined with AWS_USE_FIPS_ENDPOINT or AWS_USE_DUALSTACK_ENDPOINT"
                )
                .into());
            }
            return Self::parse(url)
                .ok_or_else(|| format!("{variable} is not the URL of an endpoint, with nothing in its path but letters, digits and any of - . _ ~").into());
        }
        // It becomes part of a host name.
        let is_label =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !region.bytes().all(is_label) {
            return Err("AWS_REGION is not a region".into());
        }
        let host = host(region, options.fips, options.dual_stack);
        Ok(Self(format!("https://{host}/")))
    }

    fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let default_port: u16 = match uri.scheme_str()? {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return None;
        }
        let path = uri.path().trim_end_matches('/');
        if !is_plain(path) {
            return None;
        }
        let (scheme, host) = (uri.scheme_str()?, authority.host());
        // A port that does not fit is none to `http`.
        let port = match authority.as_str().strip_prefix(host)?.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None => default_port,
        };
        Some(Self(match port == default_port {
            true => format!("{scheme}://{host}{path}/"),
            false => format!("{scheme}://{host}:{port}{path}/"),
        }))
    }
}

/// Whether there is one way only to write a path: then it is signed as it is.
fn is_plain(path: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    path.split('/')
        .skip(1)
        .all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_unreserved))
}

fn host(region: &str, fips: bool, dual_stack: bool) -> String {
    let partition = OTHERS
        .iter()
        .find(|partition| region.starts_with(partition.regions))
        .unwrap_or(&AWS);
    let service = match fips {
        true if dual_stack || !partition.is_fips => "ssm-fips",
        _ => "ssm",
    };
    let suffix = match dual_stack {
        true => partition.dual_stack_suffix,
        false => partition.suffix,
    };
    format!("{service}.{region}.{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the SDK chooses.
    async fn sdk(region: &str, fips: bool, dual_stack: bool) -> String {
        use aws_sdk_ssm::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
        let params = Params::builder()
            .region(region)
            .use_fips(fips)
            .use_dual_stack(dual_stack)
            .build()
            .unwrap();
        let endpoint = DefaultResolver::new().resolve_endpoint(&params).await;
        endpoint.unwrap().url().to_owned()
    }

    #[tokio::test]
    async fn every_region_has_the_endpoint_that_the_sdk_chooses() {
        for region in [
            "us-east-1",
            "us-west-2",
            "eu-central-2",
            "ap-southeast-7",
            "il-central-1",
            "mx-central-1",
            "cn-north-1",
            "cn-northwest-1",
            "us-gov-east-1",
            "us-gov-west-1",
            "eusc-de-east-1",
            "us-iso-east-1",
            "us-iso-west-1",
            "us-isob-east-1",
            "eu-isoe-west-1",
            "us-isof-south-1",
            "xx-somewhere-9",
        ] {
            for (fips, dual_stack) in [(false, false), (true, false), (false, true), (true, true)] {
                let options = EndpointOptions {
                    url: None,
                    fips,
                    dual_stack,
                };
                let endpoint = Endpoint::resolve(region, &options).unwrap();
                let ours = endpoint.url();
                let theirs = format!("{}/", sdk(region, fips, dual_stack).await);
                assert_eq!(ours, theirs, "FIPS {fips}, dual-stack {dual_stack}");
            }
        }
    }

    fn parsed(url: &str) -> Option<String> {
        Endpoint::parse(url).map(|endpoint| endpoint.0)
    }

    #[test]
    fn an_endpoints_url_ends_with_a_slash_and_names_no_default_port() {
        for (url, endpoint) in [
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566/"),
            ("http://[::1]:80/", "http://[::1]/"),
            ("http://[::1]:8080", "http://[::1]:8080/"),
            (
                "https://vpce-1.ssm.eu-west-1.vpce.amazonaws.com",
                "https://vpce-1.ssm.eu-west-1.vpce.amazonaws.com/",
            ),
            ("https://proxy:444/aws/", "https://proxy:444/aws/"),
        ] {
            assert_eq!(parsed(url).as_deref(), Some(endpoint), "{url}");
        }
    }

    #[test]
    fn an_invalid_endpoint_is_refused() {
        for url in [
            "",
            "localhost",
            "localhost:4566",
            "ftp://localhost",
            "http://",
            "http://user:password@localhost",
            "http://localhost/?a=b",
            "http://localhost/a//b",
            "http://localhost//a",
            "http://localhost/a/../b",
            "http://localhost/./a",
            "http://localhost/a%20b",
            "http://localhost/a:b",
            "http://local host",
            "http://localhost:99999",
            "http://localhost:",
        ] {
            assert_eq!(parsed(url), None, "{url}");
        }
    }
}
