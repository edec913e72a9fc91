//! Credentials as they are found, but for those that the SDK could not send.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::setting::{SettingError, check_header};

/// Provides what another provider finds, and refuses what has a line break in it: signing with it would
/// end the process.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) provider: SharedCredentialsProvider,
    /// Where they come from, in words.
    pub(super) origin: String,
}

impl ProvideCredentials for Checked {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials = self.provider.provide_credentials().await?;
            self.check(&credentials)
                .map_err(CredentialsError::invalid_configuration)?;
            Ok(credentials)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider.fallback_on_interrupt()
    }
}

impl Checked {
    fn check(&self, credentials: &Credentials) -> Result<(), SettingError> {
        for (what, text) in [
            ("access key id", credentials.access_key_id()),
            ("secret access key", credentials.secret_access_key()),
            ("session token", credentials.session_token().unwrap_or("-")),
        ] {
            check_header(text).map_err(|problem| {
                let problem = problem.trim_start_matches("it ");
                SettingError::new(
                    &self.origin,
                    format!("the {what} {problem}"),
                    "correct what provides them",
                )
            })?;
        }
        Ok(())
    }
}
