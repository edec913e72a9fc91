//! Credentials as they are found, but for those that the SDK could not send: signing with a line break in
//! one would end the process.
//!
//! The SDK signs in two places: in the clients of this crate, whose provider is [`Checked`], and in the STS
//! client that takes a role of a profile, whose provider nothing can be put before. That one is looked at
//! when it begins an operation, by [`check_identity`].

use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_runtime::auth::sigv4;
use aws_smithy_runtime_api::client::identity::ResolveIdentity as _;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::{
    GetIdentityResolver as _, RuntimeComponents,
};
use aws_smithy_types::config_bag::ConfigBag;
use futures_util::FutureExt as _;

use super::setting::{SettingError, check_header};

/// Provides what another provider finds, and refuses what could not be sent.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) provider: SharedCredentialsProvider,
    pub(super) origin: Origin,
}

impl ProvideCredentials for Checked {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials = self.provider.provide_credentials().await?;
            self.origin
                .check(&credentials)
                .map_err(CredentialsError::invalid_configuration)?;
            Ok(credentials)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        ProvideCredentials::fallback_on_interrupt(&self.provider)
    }
}

/// Checks what an operation of STS is about to be signed with: the credentials of the link before, which
/// the SDK has at hand. Those of other services are looked for first, and checked then.
pub(super) fn check_identity(
    origin: &Origin,
    components: &RuntimeComponents,
    cfg: &ConfigBag,
) -> Result<(), SettingError> {
    if cfg
        .load::<Metadata>()
        .is_none_or(|it| it.service() != "STS")
    {
        return Ok(());
    }
    let resolver = components.identity_resolver(sigv4::SCHEME_ID);
    let identity = resolver.and_then(|it| it.resolve_identity(components, cfg).now_or_never());
    match identity {
        Some(Ok(identity)) => identity
            .data::<Credentials>()
            .map_or(Ok(()), |credentials| origin.check(credentials)),
        // What cannot be resolved is signed with nothing.
        _ => Ok(()),
    }
}

/// Where credentials come from whose mistakes show only when they come.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    /// The profile whose `credential_process` is run.
    pub(super) process: Option<String>,
}

impl Origin {
    fn check(&self, credentials: &Credentials) -> Result<(), SettingError> {
        for (what, text) in [
            ("access key id", credentials.access_key_id()),
            ("secret access key", credentials.secret_access_key()),
            ("session token", credentials.session_token().unwrap_or("-")),
        ] {
            check_header(text).map_err(|problem| {
                let problem = problem.trim_start_matches("it ");
                SettingError::new(
                    self.of(credentials),
                    format!("the {what} {problem}"),
                    "correct what provides them",
                )
            })?;
        }
        Ok(())
    }

    /// In words.
    fn of(&self, credentials: &Credentials) -> String {
        use AwsCredentialFeature as By;
        // The SDK notes how it came by them, for its user agent.
        let features = credentials.get_property::<Vec<By>>();
        let come = |by: By| features.is_some_and(|it| it.contains(&by));
        match &self.process {
            Some(profile) if come(By::CredentialsProcess) => {
                return format!("what the credential_process of the profile {profile} printed");
            }
            _ if come(By::CredentialsHttp) => "what the endpoint of the container answered",
            _ if come(By::CredentialsImds) => "what the metadata of this machine answered",
            _ if come(By::CredentialsSso) => "what IAM Identity Center answered",
            _ if come(By::CredentialsProfileLogin) => "what aws login saved",
            // All others are read from variables and files, which are checked by their names.
            _ => "what STS answered for a role",
        }
        .to_owned()
    }
}
