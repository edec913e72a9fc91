//! Which server is Parameter Store: what the AWS SDK for Rust chooses, by the endpoint rules of
//! aws-sdk-ssm 1.133.0 and the partitions in them. A test here compares the two.

use http::Uri;
use http::uri::Authority;

use super::settings::Wishes;
use crate::source::BoxError;
use crate::source::http::{Origin, Scheme};

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

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) origin: Origin,
    /// What the `Host` header says.
    pub(super) host: String,
    /// The path of all requests.
    pub(super) path: String,
}

impl Endpoint {
    /// All of it.
    #[cfg(test)]
    pub(super) fn url(&self) -> String {
        let scheme = match self.origin.scheme {
            Scheme::Http => "http",
            Scheme::Https { .. } => "https",
        };
        format!("{scheme}://{}{}", self.host, self.path)
    }

    pub(super) fn resolve(
        region: &str,
        wishes: &Wishes,
        ca_bundle: Option<String>,
    ) -> Result<Self, BoxError> {
        if let Some((variable, url)) = &wishes.url {
            if wishes.fips || wishes.dual_stack {
                return Err(format!(
                    "{variable} cannot be combined with AWS_USE_FIPS_ENDPOINT or AWS_USE_DUALSTACK_ENDPOINT"
                )
                .into());
            }
            return Self::parse(url, ca_bundle)
                .ok_or_else(|| format!("{variable} is not the URL of an endpoint, with nothing in its path but letters, digits and any of - . _ ~").into());
        }
        // It becomes part of a host name.
        let is_label =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !region.bytes().all(is_label) {
            return Err("AWS_REGION is not a region".into());
        }
        let host = host(region, wishes.fips, wishes.dual_stack);
        Ok(Self {
            origin: Origin {
                scheme: Scheme::Https { ca_bundle },
                host: host.clone(),
                port: 443,
            },
            host,
            path: "/".to_owned(),
        })
    }

    fn parse(url: &str, ca_bundle: Option<String>) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let (scheme, default_port) = match uri.scheme_str()? {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https { ca_bundle }, 443),
            _ => return None,
        };
        let authority: &Authority = uri.authority()?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return None;
        }
        let path = uri.path().trim_end_matches('/');
        if !is_plain(path) {
            return None;
        }
        let port = uri.port_u16().unwrap_or(default_port);
        let host = if port == default_port {
            authority.host().to_owned()
        } else {
            format!("{}:{port}", authority.host())
        };
        Some(Self {
            origin: Origin {
                scheme,
                host: authority
                    .host()
                    .trim_start_matches('[')
                    .trim_end_matches(']')
                    .to_owned(),
                port,
            },
            host,
            path: format!("{path}/"),
        })
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
                let wishes = Wishes {
                    url: None,
                    fips,
                    dual_stack,
                };
                let ours = Endpoint::resolve(region, &wishes, None).unwrap().url();
                let theirs = format!("{}/", sdk(region, fips, dual_stack).await);
                assert_eq!(ours, theirs, "FIPS {fips}, dual-stack {dual_stack}");
            }
        }
    }

    fn parsed(url: &str) -> Option<(String, u16, String, String)> {
        let endpoint = Endpoint::parse(url, None)?;
        let url = endpoint.url();
        Some((
            endpoint.origin.host,
            endpoint.origin.port,
            endpoint.host,
            url,
        ))
    }

    #[test]
    fn an_endpoints_url_is_taken_apart() {
        let is = |url: &str, host: &str, port, header: &str, signed: &str| {
            let expected = (host.to_owned(), port, header.to_owned(), signed.to_owned());
            assert_eq!(parsed(url), Some(expected), "{url}");
        };
        is(
            "http://127.0.0.1:4566",
            "127.0.0.1",
            4566,
            "127.0.0.1:4566",
            "http://127.0.0.1:4566/",
        );
        is("http://[::1]:80/", "::1", 80, "[::1]", "http://[::1]/");
        is(
            "https://vpce-1.ssm.eu-west-1.vpce.amazonaws.com",
            "vpce-1.ssm.eu-west-1.vpce.amazonaws.com",
            443,
            "vpce-1.ssm.eu-west-1.vpce.amazonaws.com",
            "https://vpce-1.ssm.eu-west-1.vpce.amazonaws.com/",
        );
        is(
            "https://proxy:444/aws/",
            "proxy",
            444,
            "proxy:444",
            "https://proxy:444/aws/",
        );
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
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
        ] {
            assert_eq!(parsed(url), None, "{url}");
        }
    }
}
