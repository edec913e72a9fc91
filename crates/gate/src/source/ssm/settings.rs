//! Where Parameter Store is, by the environment.

use super::endpoint::Endpoint;
use crate::source::BoxError;
use crate::source::environment::Variables;

/// Everything that a request needs.
pub(super) struct Settings {
    pub(super) endpoint: Endpoint,
    pub(super) region: String,
}

/// Which endpoint the environment asks for.
#[derive(Default)]
pub(super) struct EndpointOptions {
    /// A URL, and the variable that it came from.
    pub(super) url: Option<(&'static str, String)>,
    pub(super) fips: bool,
    pub(super) dual_stack: bool,
}

/// Whether there are credentials and a region, as far as can be seen without asking anyone.
#[cfg(any(feature = "ssm-sdk", test))]
pub(super) fn is_configured(variables: &Variables) -> bool {
    let has = |name: &&str| variables.get(name).is_some();
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let endpoints = [
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    (keys.iter().all(has) || endpoints.iter().any(has)) && region(variables).is_some()
}

impl Settings {
    pub(super) fn read(variables: &Variables) -> Result<Self, BoxError> {
        let region = region(variables).ok_or(
            "neither AWS_REGION nor AWS_DEFAULT_REGION is set: set one, or use the feature `ssm-sdk` of maintenance-gate, which also reads profiles",
        )?;
        let options = EndpointOptions {
            url: url(variables)?,
            fips: flag(variables, "AWS_USE_FIPS_ENDPOINT")?,
            dual_stack: flag(variables, "AWS_USE_DUALSTACK_ENDPOINT")?,
        };
        Ok(Self {
            endpoint: Endpoint::resolve(&region, &options)?,
            region,
        })
    }
}

fn region(variables: &Variables) -> Option<String> {
    variables
        .get("AWS_REGION")
        .or_else(|| variables.get("AWS_DEFAULT_REGION"))
}

fn url(variables: &Variables) -> Result<Option<(&'static str, String)>, BoxError> {
    if flag(variables, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
        return Ok(None);
    }
    let url = |name| variables.get(name).map(|url| (name, url));
    Ok(url("AWS_ENDPOINT_URL_SSM").or_else(|| url("AWS_ENDPOINT_URL")))
}

fn flag(variables: &Variables, name: &str) -> Result<bool, BoxError> {
    match variables.get(name) {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(format!("{name} must be `true` or `false`").into()),
    }
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
        // The last one counts.
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
            Ok(settings) => Ok(settings.endpoint.url().to_owned()),
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
        let without = [("AWS_ACCESS_KEY_ID", "")];
        assert!(url(&without).unwrap_err().contains("`ssm-sdk`"));
        assert!(!is_configured(&variables(&without)));
        assert!(!is_configured(&variables(&[("AWS_REGION", "")])));
        assert!(is_configured(&variables(&[])));
        let snap_start = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/");
        assert!(is_configured(&variables(&[without[0], snap_start])));
    }

    #[test]
    fn an_endpoint_of_ones_own_is_neither_fips_nor_dual_stack() {
        for name in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
            let error = url(&[("AWS_ENDPOINT_URL", "http://localhost"), (name, "true")]);
            assert!(error.unwrap_err().contains("cannot be combined"));
        }
    }
}
