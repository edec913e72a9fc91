//! The ways to name a function: by its name or its ARN, each with or without a qualifier.

use crate::api::ApiRequest;
use crate::error::{ApiError, ApiResult};
use crate::settings::Settings;

/// The name of a function, with its qualifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionRef {
    pub(crate) name: String,
    pub(crate) qualifier: Option<String>,
}

/// The longest name a function may have.
const MAX_NAME: usize = 64;

impl FunctionRef {
    /// The function that the path names, with the qualifier of the path or the query; they must not differ.
    pub(crate) fn of(request: &ApiRequest<'_>) -> ApiResult<Self> {
        let mut function = Self::parse(&request.message.subject, request.settings)?;
        if let Some(qualifier) = request.query("Qualifier") {
            let own = function.qualifier.replace(qualifier.to_owned());
            if own.is_some_and(|own| own != qualifier) {
                return Err(ApiError::invalid(
                    "The derived qualifier from the function name does not match the specified qualifier.",
                ));
            }
        }
        Ok(function)
    }

    /// As [`FunctionRef::of`], for operations on a function that take a qualified name as well.
    pub(crate) fn unqualified(request: &ApiRequest<'_>) -> ApiResult<Self> {
        let name = Self::parse(&request.message.subject, request.settings)?.name;
        Ok(Self {
            name,
            qualifier: None,
        })
    }

    /// Reads a function's name or ARN, refusing other regions and accounts.
    pub(crate) fn parse(text: &str, settings: &Settings) -> ApiResult<Self> {
        let own = function_arn(settings, "", None);
        let qualified = match text.strip_prefix(&own) {
            Some(qualified) => qualified,
            None if text.starts_with("arn:aws:lambda:") => {
                return Err(ApiError::not_found(format!(
                    "{text} is not reachable: this region and account is {own}"
                )));
            }
            None => text,
        };
        let (name, qualifier) = match qualified.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (qualified, None),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let is_word = |text: &str| !text.is_empty() && text.chars().all(allowed);
        let rule = if !is_word(name) || qualifier.is_some_and(|it| it != "$LATEST" && !is_word(it))
        {
            "Member must satisfy regular expression pattern: \
             (arn:aws:lambda:region:account:function:)?[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?"
        } else if name.len() > MAX_NAME {
            "Member must have length less than or equal to 64"
        } else {
            return Ok(Self {
                name: name.to_owned(),
                qualifier: qualifier.map(str::to_owned),
            });
        };
        Err(ApiError::constraint(text, "functionName", rule))
    }

    /// Its ARN, with the qualifier if it has one.
    pub(crate) fn arn(&self, settings: &Settings) -> String {
        function_arn(settings, &self.name, self.qualifier.as_deref())
    }
}

/// The target of a call, for the log: a function's name without its qualifier, or a mapping's UUID.
pub(crate) fn bare_name(subject: &str) -> &str {
    let name = subject
        .rsplit_once("function:")
        .map_or(subject, |(_, name)| name);
    name.split_once(':').map_or(name, |(name, _)| name)
}

/// The ARN of a function, a version of it or an alias.
pub(crate) fn function_arn(settings: &Settings, name: &str, qualifier: Option<&str>) -> String {
    let base = format!(
        "arn:aws:lambda:{}:{}:function:{name}",
        settings.region, settings.account
    );
    match qualifier {
        Some(qualifier) => format!("{base}:{qualifier}"),
        None => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_arns() {
        let settings = Settings::default();
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:task";
        for (text, qualifier) in [
            ("task", None),
            ("task:live", Some("live")),
            ("task:$LATEST", Some("$LATEST")),
            (arn, None),
            (&format!("{arn}:live"), Some("live")),
        ] {
            let parsed = FunctionRef::parse(text, &settings).unwrap();
            assert_eq!(parsed.name, "task", "{text}");
            assert_eq!(parsed.qualifier.as_deref(), qualifier, "{text}");
            assert_eq!(bare_name(text), "task", "{text}");
        }
    }

    #[test]
    fn refuses_malformed_names_and_other_accounts() {
        let settings = Settings::default();
        let code = |text: &str| {
            let error = FunctionRef::parse(text, &settings).unwrap_err();
            (error.status, error.code.into_owned())
        };
        let validation = (400, "ValidationException".to_owned());
        for bad in ["", "a b", "a.b", "a:b:c", "arn:aws:s3:::x", "x:$OLD"] {
            assert_eq!(code(bad), validation, "{bad}");
        }
        assert_eq!(code(&"a".repeat(65)), validation);
        let missing = (404, "ResourceNotFoundException".to_owned());
        for scope in ["eu-west-1:123456789012", "us-east-1:000000000000"] {
            assert_eq!(code(&format!("arn:aws:lambda:{scope}:function:a")), missing);
        }
    }
}
