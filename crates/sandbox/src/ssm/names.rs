//! The rules for a parameter's name.

use crate::error::{ApiError, ApiResult};
use crate::settings::Settings;

/// The most levels a name may have.
const MAX_LEVELS: usize = 15;
/// The longest name a user may choose; the documented 2,048 include the ARN's prefix.
const MAX_LENGTH: usize = 1_011;

/// Checks a name on creation, with the error AWS gives for each rule.
pub(crate) fn check(name: &str) -> ApiResult<()> {
    let well_formed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
    if name.is_empty() {
        return Err(ApiError::constraint(
            name,
            "name",
            "Member must have length greater than or equal to 1",
        ));
    }
    let first = name.trim_start_matches('/').split('/').next().unwrap_or("");
    let reserved = ["aws", "ssm"]
        .iter()
        .any(|prefix| first.to_ascii_lowercase().starts_with(prefix));
    if reserved && first.to_ascii_lowercase().starts_with("aws") && name.starts_with('/') {
        return Err(ApiError::ssm(
            "AccessDeniedException",
            format!("No access to reserved parameter name: {name}."),
        ));
    }
    if reserved || !name.chars().all(well_formed) || name.ends_with('/') || name.contains("//") {
        return Err(ApiError::validation(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). If formed \
             as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be \
             formed as a mix of letters, numbers and the following 3 symbols .-_",
        ));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(ApiError::validation(
            "Parameter name must be a fully qualified name.",
        ));
    }
    if name.len() > MAX_LENGTH {
        return Err(ApiError::validation(format!(
            "Parameter name: the maximum length is {MAX_LENGTH} characters."
        )));
    }
    if name.split('/').filter(|level| !level.is_empty()).count() > MAX_LEVELS {
        return Err(ApiError::ssm(
            "HierarchyLevelLimitExceededException",
            format!("A hierarchy can have a maximum of {MAX_LEVELS} levels."),
        ));
    }
    Ok(())
}

/// The ARN of a parameter.
pub(crate) fn arn(settings: &Settings, name: &str) -> String {
    let slash = if name.starts_with('/') { "" } else { "/" };
    let (region, account) = (&settings.region, &settings.account);
    format!("arn:aws:ssm:{region}:{account}:parameter{slash}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_by_the_rule_that_they_break() {
        for good in ["a", "/a", "/maintenance/demo-dev/flags/web", "A_b.c-1"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let deep = "/a".repeat(15);
        assert_eq!(check(&deep), Ok(()));
        let code = |name: &str| check(name).unwrap_err().code.into_owned();
        assert_eq!(
            code(&format!("{deep}/b")),
            "HierarchyLevelLimitExceededException"
        );
        assert_eq!(code("/aws/x"), "AccessDeniedException");
        for bad in [
            "", "a b", "/ssm/x", "SSMx", "awsx", "a/b", "/a/", "/a//b", "/ä", "/a{",
        ] {
            assert_eq!(code(bad), "ValidationException", "{bad}");
        }
        assert_eq!(
            code(&format!("/{}", "a".repeat(1_011))),
            "ValidationException"
        );
    }
}
