//! What an ARN says, and a message of AWS.

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
