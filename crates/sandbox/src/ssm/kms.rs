//! Whether the caller may use the key of a `SecureString`. Parameter Store calls KMS with the caller's own
//! permissions [Systems Manager User Guide, "AWS KMS encryption for Parameter
//! Store SecureString parameters"].

use crate::api::{ApiRequest, user_arn};
use crate::error::{ApiError, ApiResult};
use crate::settings::KmsKey;
use crate::ssm::state::Kind;

/// Refuses to decrypt if the caller may not.
pub(crate) fn may_decrypt(request: &ApiRequest<'_>, kind: Kind, decrypt: bool) -> ApiResult<()> {
    if !decrypt {
        return Ok(());
    }
    check(request, kind, "kms:Decrypt")
}

/// Refuses to encrypt if the caller may not.
pub(crate) fn may_encrypt(request: &ApiRequest<'_>, kind: Kind) -> ApiResult<()> {
    check(request, kind, "kms:Encrypt")
}

fn check(request: &ApiRequest<'_>, kind: Kind, action: &str) -> ApiResult<()> {
    let settings = request.settings;
    if kind != Kind::SecureString {
        return Ok(());
    }
    let key = format!(
        "arn:aws:kms:{}:{}:key/00000000-0000-4000-8000-000000000000",
        settings.region, settings.account
    );
    // Parameter Store passes on KMS's answer, with its code in parentheses.
    let by_kms = |code: &str| format!("(Service: AWSKMS; Status Code: 400; Error Code: {code})");
    match settings.ssm.kms_key {
        KmsKey::Usable => Ok(()),
        KmsKey::Denied => Err(ApiError::ssm(
            "AccessDeniedException",
            format!(
                "User: {} is not authorized to perform: {action} on resource: {key} because no \
                 identity-based policy allows the {action} action {}",
                user_arn(settings, request.caller),
                by_kms("AccessDeniedException")
            ),
        )),
        KmsKey::Disabled => Err(ApiError::ssm(
            "InvalidKeyId",
            format!("{key} is disabled. {}", by_kms("DisabledException")),
        )),
    }
}
