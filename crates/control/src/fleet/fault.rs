//! What an error of a Lambda call means to an operator, and what an ARN says.

use super::LambdaError;
use crate::aws::{CallError, Kind};

pub(super) fn fault(action: &str, function: &str, error: CallError) -> LambdaError {
    let error = match error.into_access() {
        Ok(access) => return LambdaError::NotConfigured(access),
        Err(error) => error,
    };
    let (action, function) = (action.to_owned(), function.to_owned());
    let kind = error.kind;
    let source = error.source;
    match kind {
        Kind::Denied => LambdaError::AccessDenied {
            action,
            function,
            source,
        },
        Kind::Throttled | Kind::Conflict | Kind::Transient => LambdaError::Unavailable {
            action,
            function,
            source,
        },
        Kind::NotFound | Kind::Missing => LambdaError::Gone { function },
        Kind::Halted(halt) => LambdaError::Halted(halt),
        Kind::Invalid => LambdaError::Refused {
            action,
            function,
            source,
        },
        Kind::Exists | Kind::Access => LambdaError::Failed {
            action,
            function,
            source,
        },
    }
}

/// The function's name and the qualifier, if any, of `arn:aws:lambda:region:account:function:name[:q]`.
pub(crate) fn function_of_arn(arn: &str) -> Option<(&str, Option<&str>)> {
    let (_, rest) = arn.split_once(":function:")?;
    Some(match rest.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (rest, None),
    })
}

/// `arn:aws:lambda:region:account`: where a function is.
pub(crate) fn origin_of_arn(arn: &str) -> &str {
    arn.split_once(":function:")
        .map_or(arn, |(origin, _)| origin)
}

/// The number in "… UnreservedConcurrentExecution below its minimum value of \[100\]."
pub(super) fn unreserved_minimum(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("below its minimum value of [")?;
    rest.split_once(']')?.0.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_taken_apart() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:mailer";
        assert_eq!(function_of_arn(arn), Some(("mailer", None)));
        assert_eq!(
            function_of_arn(&format!("{arn}:live")),
            Some(("mailer", Some("live")))
        );
        assert_eq!(function_of_arn("mailer"), None);
        assert_eq!(origin_of_arn(arn), "arn:aws:lambda:us-east-1:123456789012");
    }

    #[test]
    fn the_unreserved_minimum_is_read_from_awss_words() {
        let words = |n: &str| {
            format!(
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{n}]."
            )
        };
        assert_eq!(unreserved_minimum(&words("100")), Some(100));
        assert_eq!(unreserved_minimum(&words("10")), Some(10));
        assert_eq!(unreserved_minimum("Something else"), None);
    }
}
