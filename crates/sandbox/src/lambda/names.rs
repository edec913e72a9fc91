//! The ways to name a function: a name, a partial ARN, an ARN, each with or without a qualifier.

use crate::error::{ApiError, ApiResult};
use crate::settings::Settings;

/// A function that was asked for, with the qualifier that came in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionRef {
    pub(crate) name: String,
    pub(crate) qualifier: Option<String>,
}

/// The longest name a function may have.
const MAX_NAME: usize = 64;

const PATTERN: &str = "Member must satisfy regular expression pattern: \
    (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?\
    (function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";

impl FunctionRef {
    /// Reads a function's name in any of its forms, refusing other regions and accounts.
    pub(crate) fn parse(text: &str, settings: &Settings) -> ApiResult<Self> {
        let malformed = || ApiError::constraint(text, "functionName", PATTERN);
        let rest = match text.strip_prefix("arn:") {
            Some(arn) => {
                let mut parts = arn.splitn(5, ':');
                let (Some("aws"), Some("lambda"), Some(region), Some(account), Some(rest)) = (
                    parts.next(),
                    parts.next(),
                    parts.next(),
                    parts.next(),
                    parts.next(),
                ) else {
                    return Err(malformed());
                };
                if region != settings.region {
                    return Err(ApiError::not_found(format!(
                        "Functions from '{region}' are not reachable in this region ('{}')",
                        settings.region
                    )));
                }
                own_account(account, settings)?;
                rest.strip_prefix("function:").ok_or_else(malformed)?
            }
            None => match text.split_once(":function:") {
                Some((account, rest)) => {
                    // `region:account:function:` is allowed as well as `account:function:`.
                    own_account(account.rsplit(':').next().unwrap_or(account), settings)?;
                    rest
                }
                None => text.strip_prefix("function:").unwrap_or(text),
            },
        };
        let (name, qualifier) = match rest.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (rest, None),
        };
        let word = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        if !word(name) || qualifier.is_some_and(|it| it != "$LATEST" && !word(it)) {
            return Err(malformed());
        }
        if name.len() > MAX_NAME {
            return Err(ApiError::constraint(
                text,
                "functionName",
                "Member must have length less than or equal to 64",
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        })
    }

    /// Joins the qualifier of the name with the one of the query; they must not differ.
    pub(crate) fn with_query(mut self, query: Option<&str>) -> ApiResult<Self> {
        if let Some(query) = query {
            if self.qualifier.as_deref().is_some_and(|own| own != query) {
                return Err(ApiError::invalid(
                    "The derived qualifier from the function name does not match the specified qualifier.",
                ));
            }
            self.qualifier = Some(query.to_owned());
        }
        Ok(self)
    }

    /// Its qualifier: `$LATEST` if it has none.
    pub(crate) fn qualifier_or_latest(&self) -> &str {
        self.qualifier.as_deref().unwrap_or("$LATEST")
    }

    /// Its ARN, with the qualifier if it has one.
    pub(crate) fn arn(&self, settings: &Settings) -> String {
        function_arn(settings, &self.name, self.qualifier.as_deref())
    }
}

fn own_account(account: &str, settings: &Settings) -> ApiResult<()> {
    if account == settings.account {
        return Ok(());
    }
    Err(ApiError::new(
        403,
        "AccessDeniedException",
        format!("The function belongs to another account: {account}."),
    ))
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
    fn every_form_of_a_name_leads_to_the_function() {
        let settings = Settings::default();
        for (text, qualifier) in [
            ("task", None),
            ("task:live", Some("live")),
            ("task:$LATEST", Some("$LATEST")),
            ("function:task", None),
            ("123456789012:function:task", None),
            ("123456789012:function:task:3", Some("3")),
            ("us-east-1:123456789012:function:task", None),
            ("arn:aws:lambda:us-east-1:123456789012:function:task", None),
            (
                "arn:aws:lambda:us-east-1:123456789012:function:task:live",
                Some("live"),
            ),
        ] {
            let parsed = FunctionRef::parse(text, &settings).unwrap();
            assert_eq!(parsed.name, "task", "{text}");
            assert_eq!(parsed.qualifier.as_deref(), qualifier, "{text}");
        }
    }

    #[test]
    fn what_is_no_function_of_ours_is_refused() {
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
        assert_eq!(
            code("arn:aws:lambda:eu-west-1:123456789012:function:a").0,
            404
        );
        assert_eq!(code("000000000000:function:a").0, 403);
    }

    #[test]
    fn two_qualifiers_must_agree() {
        let both = |own: Option<&str>, query| {
            let function = FunctionRef {
                name: "a".to_owned(),
                qualifier: own.map(str::to_owned),
            };
            function.with_query(query).map(|it| it.qualifier)
        };
        assert_eq!(both(Some("1"), Some("1")), Ok(Some("1".to_owned())));
        assert_eq!(both(None, Some("1")), Ok(Some("1".to_owned())));
        assert!(both(Some("1"), Some("2")).is_err());
    }
}
