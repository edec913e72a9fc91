//! What the environment says: where Parameter Store is and who asks. Never shown, not even by `Debug`.

use super::endpoint::Endpoint;
use super::sign::Credentials;
use crate::source::BoxError;
use crate::source::vars::Vars;

/// Everything that a request needs.
pub(super) struct Settings {
    pub(super) endpoint: Endpoint,
    pub(super) region: String,
    pub(super) credentials: Credentials,
}

/// What the environment wants of an endpoint.
#[derive(Default)]
pub(super) struct Wishes {
    /// A URL, and the variable that it came from.
    pub(super) url: Option<(&'static str, String)>,
    pub(super) fips: bool,
    pub(super) dual_stack: bool,
}

/// Whether the environment has what it takes, as far as can be seen without asking anybody.
#[cfg(any(feature = "ssm-sdk", test))]
pub(super) fn are_there(vars: &Vars) -> bool {
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .iter()
        .all(|name| vars.get(name).is_some())
        && region(vars).is_some()
}

impl Settings {
    pub(super) fn read(vars: &Vars) -> Result<Self, BoxError> {
        let credentials = credentials(vars)?;
        let region = region(vars).ok_or(
            "neither AWS_REGION nor AWS_DEFAULT_REGION is set: set one, or use the feature `ssm-sdk` of maintenance-gate, which also reads profiles",
        )?;
        let wishes = Wishes {
            url: url(vars)?,
            fips: flag(vars, "AWS_USE_FIPS_ENDPOINT")?,
            dual_stack: flag(vars, "AWS_USE_DUALSTACK_ENDPOINT")?,
        };
        Ok(Self {
            endpoint: Endpoint::resolve(&region, &wishes, vars.get("AWS_CA_BUNDLE"))?,
            region,
            credentials,
        })
    }
}

fn region(vars: &Vars) -> Option<String> {
    vars.get("AWS_REGION")
        .or_else(|| vars.get("AWS_DEFAULT_REGION"))
}

fn credentials(vars: &Vars) -> Result<Credentials, BoxError> {
    let required = |name: &str| {
        vars.get(name).ok_or_else(|| {
            format!(
                "{name} is not set, and there are no other credentials for the feature `ssm` of maintenance-gate: \
                 use `ssm-sdk` for profiles, ECS and EC2"
            )
        })
    };
    let key = plain("AWS_ACCESS_KEY_ID", required("AWS_ACCESS_KEY_ID")?)?;
    let secret = plain("AWS_SECRET_ACCESS_KEY", required("AWS_SECRET_ACCESS_KEY")?)?;
    let token = vars
        .get("AWS_SESSION_TOKEN")
        .map(|token| plain("AWS_SESSION_TOKEN", token))
        .transpose()?;
    Ok(Credentials { key, secret, token })
}

/// A credential with a line break in it, say, would fail in a way that is hard to understand.
fn plain(name: &str, value: String) -> Result<String, BoxError> {
    match value.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(value),
        false => {
            Err(format!("{name} holds a space or another character that cannot be in it").into())
        }
    }
}

fn url(vars: &Vars) -> Result<Option<(&'static str, String)>, BoxError> {
    if flag(vars, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
        return Ok(None);
    }
    let url = |name| vars.get(name).map(|url| (name, url));
    Ok(url("AWS_ENDPOINT_URL_SSM").or_else(|| url("AWS_ENDPOINT_URL")))
}

fn flag(vars: &Vars, name: &str) -> Result<bool, BoxError> {
    match vars.get(name) {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(format!("{name} must be `true` or `false`").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 3] = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "TOPSECRET"),
        ("AWS_REGION", "eu-west-1"),
    ];

    fn vars(more: &[(&'static str, &'static str)]) -> Vars {
        // The last one counts.
        let all: Vec<_> = GOOD.iter().chain(more).rev().copied().collect();
        Vars::new(move |name| {
            let found = all.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn url(more: &[(&'static str, &'static str)]) -> Result<String, String> {
        match Settings::read(&vars(more)) {
            Ok(settings) => Ok(settings.endpoint.url()),
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
    fn what_is_wrong_is_named_and_never_shown() {
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
        assert!(!are_there(&vars(&without)));
        assert!(!are_there(&vars(&[("AWS_REGION", "")])));
        assert!(are_there(&vars(&[])));
    }

    #[test]
    fn an_endpoint_of_ones_own_is_neither_fips_nor_dual_stack() {
        for name in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
            let error = url(&[("AWS_ENDPOINT_URL", "http://localhost"), (name, "true")]);
            assert!(error.unwrap_err().contains("cannot be combined"));
        }
    }
}
