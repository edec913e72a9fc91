//! What is wrong with a variable, a setting of a profile, or a file that the SDK reads.

use aws_smithy_http_client::proxy::ProxyConfig;
use http::Uri;

/// A variable, a setting of a profile, or a file that cannot be used to reach AWS. It never holds the
/// value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} cannot be used: {problem}")]
pub struct SettingError {
    name: String,
    problem: String,
    hint: String,
    profile: Option<(String, Vec<String>)>,
}

impl SettingError {
    pub(super) fn new(
        name: impl Into<String>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            problem: problem.into(),
            hint: hint.into(),
            profile: None,
        }
    }

    /// A profile that is in none of the files.
    pub(super) fn profile(name: &str, profile: &str, files: &str, known: Vec<String>) -> Self {
        let problem = format!("there is no profile {profile} in {files}");
        let hint = format!("make it with `aws configure --profile {profile}`");
        Self {
            profile: Some((profile.to_owned(), known)),
            ..Self::new(name, problem, hint)
        }
    }

    pub(super) fn variable(name: &str, problem: impl Into<String>) -> Self {
        Self::new(name, problem, format!("correct {name}, or unset it"))
    }

    /// What it is: `AWS_CA_BUNDLE`, `endpoint_url of the profile prod`, or `profile` or `region` of
    /// [`AwsSettings`](super::AwsSettings).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why it cannot be used.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// If it names a profile that does not exist: that profile, and those that do.
    #[must_use]
    pub fn unknown_profile(&self) -> Option<(&str, &[String])> {
        let (profile, known) = self.profile.as_ref()?;
        Some((profile, known))
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

/// Checks the address of an endpoint or a proxy: the SDK ends the process at one that is none.
///
/// # Errors
/// Why it is none, in words that follow a name: `it …`.
pub fn check_url(text: &str) -> Result<(), &'static str> {
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return Err("it must begin with http:// or https://");
    }
    check_header(text)?;
    let uri: Uri = text.parse().map_err(|_| "it is no URL")?;
    let authority = uri.authority().ok_or("it names no host")?;
    let host = authority.host();
    let named = authority.as_str();
    let named = named.rsplit_once('@').map_or(named, |(_, named)| named);
    let port = named.strip_prefix(host).unwrap_or_default();
    if host.is_empty() {
        return Err("it names no host");
    }
    if !port.is_empty() && authority.port_u16().is_none_or(|port| port == 0) {
        return Err("its port must be 1 to 65535");
    }
    // What the proxy's own rules refuse, such as a host that is none.
    ProxyConfig::all(uri).map_err(|_| "it is no URL")?;
    Ok(())
}

/// Checks what is sent in a header: the SDK ends the process at anything else.
pub(super) fn check_header(text: &str) -> Result<(), &'static str> {
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        None => Ok(()),
        Some('\r' | '\n') => Err("it has a line break in it"),
        Some(' ') => Err("it has a space in it"),
        Some(c) if c.is_control() => Err("it has a control character in it"),
        Some(_) => Err("it has a character in it that is not ASCII"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_a_host_and_a_port_that_there_is() {
        for good in [
            "http://127.0.0.1:4566",
            "https://ssm.us-east-1.amazonaws.com",
            "http://[::1]:80/",
            "http://me:pass@proxy:3128",
            "https://host/path",
        ] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", "it must begin with http:// or https://"),
            ("localhost:4566", "it must begin with http:// or https://"),
            (
                "socks5://proxy:1080",
                "it must begin with http:// or https://",
            ),
            ("http://", "it is no URL"),
            ("http://:80", "it names no host"),
            ("http://host:", "its port must be 1 to 65535"),
            ("http://host:0", "its port must be 1 to 65535"),
            ("http://host:99999", "its port must be 1 to 65535"),
            ("http://host:80x", "its port must be 1 to 65535"),
            ("http://host\r", "it has a line break in it"),
            ("http://ho st", "it has a space in it"),
            ("http://host\u{1b}", "it has a control character in it"),
            ("http://höst", "it has a character in it that is not ASCII"),
        ] {
            assert_eq!(check_url(bad), Err(why), "{bad:?}");
        }
    }
}
