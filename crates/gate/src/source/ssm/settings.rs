//! Finds the endpoint of Parameter Store from the environment, as the AWS SDK for Rust does (the endpoint rules of
//! aws-sdk-ssm 1.133.0 and their partitions). A test here compares the two.

use http::Uri;

use crate::source::BoxError;
use crate::source::environment::Variables;

/// For each partition of AWS, the prefix of its regions and the domain of its endpoints. The last has every other
/// region.
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("", "amazonaws.com"),
];

/// Everything that a request needs.
pub(super) struct Settings {
    /// The URL of every request. Ends with a slash.
    pub(super) url: String,
    pub(super) region: String,
}

impl Settings {
    pub(super) fn read(variables: &Variables) -> Result<Self, BoxError> {
        let either = |first, second| variables.get(first).or_else(|| variables.get(second));
        let region = either("AWS_REGION", "AWS_DEFAULT_REGION").ok_or(
            "neither AWS_REGION nor AWS_DEFAULT_REGION is set: set one, or use the feature `ssm-sdk` of maintenance-gate, which also reads profiles",
        )?;
        // The region becomes part of a host name.
        let is_label =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !region.bytes().all(is_label) {
            return Err("AWS_REGION is not a region".into());
        }
        let own_url = match flag(variables, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
            true => None,
            false => either("AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL"),
        };
        if let Some(url) = own_url {
            let url = normalized(&url).ok_or("AWS_ENDPOINT_URL_SSM or AWS_ENDPOINT_URL is not the URL of an endpoint, with nothing in its path but letters, digits and any of - . _ ~")?;
            return Ok(Self { url, region });
        }
        for name in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
            if flag(variables, name)? {
                return Err(format!("{name} is not for the feature `ssm` of maintenance-gate: set AWS_ENDPOINT_URL_SSM to such an endpoint, or use `ssm-sdk`").into());
            }
        }
        let mut partitions = PARTITIONS.iter();
        let domain = partitions
            .find(|(start, _)| region.starts_with(start))
            .map_or("amazonaws.com", |(_, domain)| domain);
        let url = format!("https://ssm.{region}.{domain}/");
        Ok(Self { url, region })
    }
}

fn flag(variables: &Variables, name: &str) -> Result<bool, BoxError> {
    match variables.get(name) {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(format!("{name} must be `true` or `false`").into()),
    }
}

/// Normalizes the URL of an endpoint, so that the request and its signature agree: drops the scheme's default port, and
/// accepts a path only in characters that have one spelling.
fn normalized(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let (host, path) = (authority.host(), uri.path().trim_end_matches('/'));
    // A user name before the host is an error. So is a port that is too large, which `http` would ignore.
    let port = authority.as_str().strip_prefix(host)?.strip_prefix(':');
    let port: Option<u16> = port.map(str::parse).transpose().ok()?;
    let port = match (scheme, port) {
        ("http", None | Some(80)) | ("https", None | Some(443)) => String::new(),
        ("http" | "https", Some(port)) => format!(":{port}"),
        _ => return None,
    };
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_plain = path
        .split('/')
        .skip(1)
        .all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_unreserved));
    (is_plain && uri.query().is_none()).then(|| format!("{scheme}://{host}{port}{path}/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::ssm::credentials::CredentialsSource;

    const GOOD: [(&str, &str); 3] = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "TOPSECRET"),
        ("AWS_REGION", "eu-west-1"),
    ];

    fn variables(more: &[(&'static str, &'static str)]) -> Variables {
        // The last entry counts.
        let all: Vec<_> = GOOD.iter().chain(more).rev().copied().collect();
        Variables::new(move |name| {
            let found = all.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn url(more: &[(&'static str, &'static str)]) -> Result<String, String> {
        let variables = variables(more);
        let settings = Settings::read(&variables);
        match settings.and_then(|it| CredentialsSource::read(&variables).map(|_| it)) {
            Ok(settings) => Ok(settings.url),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_endpoint_is_that_of_the_environment() {
        let aws = "https://ssm.eu-west-1.amazonaws.com/";
        assert_eq!(url(&[]).unwrap(), aws);
        assert_eq!(
            url(&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "cn-north-1")]).unwrap(),
            "https://ssm.cn-north-1.amazonaws.com.cn/"
        );
        let both = [
            ("AWS_ENDPOINT_URL", "http://localhost:1"),
            ("AWS_ENDPOINT_URL_SSM", "http://localhost:2"),
        ];
        assert_eq!(url(&both).unwrap(), "http://localhost:2/");
        assert_eq!(url(&both[..1]).unwrap(), "http://localhost:1/");
        let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True");
        assert_eq!(url(&[both[0], both[1], ignored]).unwrap(), aws);
    }

    #[test]
    fn a_wrong_variable_is_named_and_its_value_never_shown() {
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", ""),
            ("AWS_SECRET_ACCESS_KEY", ""),
            ("AWS_REGION", ""),
            ("AWS_ACCESS_KEY_ID", "TOP SECRET"),
            ("AWS_SECRET_ACCESS_KEY", "TOPSECRET\n"),
            ("AWS_SESSION_TOKEN", "TOPSECRET\u{fffd}"),
            ("AWS_REGION", "eu-west-1/TOPSECRET"),
            ("AWS_REGION", "eu-west-1.evil.example"),
            ("AWS_USE_FIPS_ENDPOINT", "TOPSECRET"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "1"),
            ("AWS_ENDPOINT_URL", "https://me:TOPSECRET@localhost"),
            ("AWS_ENDPOINT_URL_SSM", "localhost"),
            ("AWS_ENDPOINT_URL", "http://localhost:99999"),
        ] {
            let error = url(&[(name, value)]).unwrap_err();
            assert!(error.contains(name), "{name}: {error}");
            assert!(
                !error.contains("SECRET\n") && !error.contains("TOP"),
                "{error}"
            );
        }
    }

    #[test]
    fn missing_credentials_are_reason_enough_to_name_the_other_feature() {
        let error = url(&[("AWS_ACCESS_KEY_ID", "")]).unwrap_err();
        assert!(error.contains("`ssm-sdk`"), "{error}");
        let snap_start = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/");
        assert!(url(&[("AWS_ACCESS_KEY_ID", ""), snap_start]).is_ok());
    }

    #[test]
    fn fips_and_dual_stack_need_an_endpoint_by_its_url() {
        for name in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
            let error = url(&[(name, "true")]).unwrap_err();
            assert!(
                error.contains(name) && error.contains("`ssm-sdk`"),
                "{error}"
            );
            assert!(url(&[(name, "false")]).is_ok());
            let own = ("AWS_ENDPOINT_URL_SSM", "https://ssm-fips.eu-west-1.example");
            assert_eq!(url(&[(name, "true"), own]).unwrap(), format!("{}/", own.1));
        }
    }

    /// The SDK's own choice.
    async fn sdk(region: &str) -> String {
        use aws_sdk_ssm::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
        let params = Params::builder().region(region).build().unwrap();
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
            let ours = url(&[("AWS_REGION", region)]).unwrap();
            assert_eq!(ours, format!("{}/", sdk(region).await));
        }
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
            assert_eq!(normalized(url).as_deref(), Some(endpoint), "{url}");
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
            assert_eq!(normalized(url), None, "{url}");
        }
    }
}
