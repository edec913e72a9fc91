//! An AWS error: code, status, message and the extra fields of its shape.
//!
//! Codes and statuses are those of the services' API models; messages are AWS's own where we
//! have seen them. `wire` writes them.

use std::borrow::Cow;

/// An error of one of the services.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: Option<String>,
    /// Fields beside the message, such as `Type` and `Reason`.
    pub(crate) fields: Vec<(&'static str, String)>,
    /// The name of the message's field: the models of Lambda's errors differ in its capital.
    pub(crate) message_key: &'static str,
}

pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: Some(message.into()),
            fields: Vec::new(),
            message_key: "message",
        }
    }

    /// An error of Parameter Store; all of them are 400.
    pub(crate) fn ssm(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// As [`ApiError::ssm`], without a message, as AWS does for `ParameterNotFound`.
    pub(crate) fn ssm_bare(code: &'static str) -> Self {
        Self {
            message: None,
            ..Self::new(400, code, "")
        }
    }

    fn user(mut self) -> Self {
        self.fields.push(("Type", "User".to_owned()));
        self
    }

    fn capital(mut self) -> Self {
        self.message_key = "Message";
        self
    }

    /// A value that violates the API's model. Carries no `Type`.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", message)
    }

    /// The error for one value that violates a constraint of the API's model.
    pub(crate) fn constraint(value: &str, field: &str, rule: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: {rule}"
        ))
    }

    /// A body that is not the JSON of the operation's input.
    pub(crate) fn serialization(message: impl Into<String>) -> Self {
        Self::new(400, "SerializationException", message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterValueException", message).user()
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message)
            .user()
            .capital()
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "ResourceConflictException", message).user()
    }

    pub(crate) fn in_use(message: impl Into<String>) -> Self {
        Self::new(400, "ResourceInUseException", message)
            .user()
            .capital()
    }

    pub(crate) fn no_provisioned() -> Self {
        Self::new(
            404,
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )
        .user()
    }

    /// Lambda's 429, with the reason AWS gives.
    pub(crate) fn too_many_requests(message: &str, reason: &str) -> Self {
        let mut error = Self::new(429, "TooManyRequestsException", message).user();
        error.fields.push(("Reason", reason.to_owned()));
        error
    }
}
