//! What the SDK reads of the process's variables and of the shared configuration files.
//!
//! To the AWS CLI and boto3 a variable or setting that is set but empty is unset; to the SDK it is a
//! value, and some of those end the process, as does a line break in a key. So it gets variables and
//! files without what is empty, and whatever it could not bear is refused here, by name.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use aws_config::profile::{self, ProfileSet};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::property::PropertiesKey;
use aws_runtime::fs_util::{Os, home_dir};
use aws_types::os_shim_internal::{Env, Fs};

use super::AwsSettings;
use super::credentials::Origin;
use super::setting::{SettingError, check_header, check_url};

/// The variables that name proxies, and hosts without one; those in lower case count first.
pub(super) const PROXIES: [&str; 6] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// Credentials of no profile.
const KEYS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];
/// What else is sent in the headers of requests, or signs them.
const SIGNED: &[&str] = &["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV"];
/// The same of a profile.
const SIGNED_OF_PROFILE: &[&str] = &[
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "region",
];
/// What else the SDK reads; a line break in it comes from a file with Windows line ends.
const READ: &[&str] = &[
    "AWS_ACCOUNT_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];
/// Where credentials are, and where a service is, if not at its own address.
const ENDPOINTS: &[&str] = &[
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SSM",
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_ENDPOINT_URL_CLOUDWATCH",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL_SIGNIN",
];
/// The services of a `services` section of the configuration file.
const SERVICES: &[&str] = &[
    "ssm",
    "lambda",
    "cloudwatch",
    "sts",
    "sso",
    "sso-oidc",
    "signin",
];

/// Variables and files, without what is empty.
#[derive(Debug)]
pub(super) struct Environment {
    variables: HashMap<String, String>,
    env: Env,
    files: Vec<File>,
    profiles: ProfileSet,
}

/// A shared configuration file.
#[derive(Debug)]
struct File {
    kind: EnvConfigFileKind,
    path: PathBuf,
    text: String,
}

impl Environment {
    /// Reads and checks those of this process.
    pub(super) async fn read(settings: &AwsSettings) -> Result<Self, SettingError> {
        if let Some(region) = &settings.region {
            check_header(region).map_err(|problem| {
                SettingError::new("region", problem, "give a region such as us-east-1")
            })?;
        }
        let mut variables = HashMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) if value.is_empty() => {}
                Ok(value) => {
                    variables.insert(name, value);
                }
                Err(_) if name.starts_with("AWS_") || PROXIES.contains(&name.as_str()) => {
                    return Err(SettingError::variable(&name, "it is not UTF-8"));
                }
                Err(_) => {}
            }
        }
        // To the AWS CLI a profile that is asked for stands above keys in variables. The SDK would take those,
        // and act on another account.
        if settings.profile.is_some() {
            variables.retain(|name, _| !KEYS.contains(&name.as_str()));
        }
        check_variables(&variables)?;
        let env = Env::from(variables.clone());
        let mut files = Vec::new();
        for (kind, variable, usual) in [
            (
                EnvConfigFileKind::Config,
                "AWS_CONFIG_FILE",
                "~/.aws/config",
            ),
            (
                EnvConfigFileKind::Credentials,
                "AWS_SHARED_CREDENTIALS_FILE",
                "~/.aws/credentials",
            ),
        ] {
            let named = variables.get(variable).map_or(usual, String::as_str);
            if let Some(path) = expand(named, &env) {
                files.extend(File::read(kind, path)?);
            }
        }
        let profiles = parse(&env, &files, settings).await?;
        let read = Self {
            variables,
            env,
            files,
            profiles,
        };
        read.check_names(settings)?;
        read.check_profile()?;
        Ok(read)
    }

    /// A variable.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A setting of the profile.
    pub(super) fn of_profile(&self, key: &str) -> Option<&str> {
        self.profiles.get(key).filter(|value| !value.is_empty())
    }

    /// The endpoint of a service in a `services` section.
    fn endpoint_in(&self, section: &str, service: &str) -> Option<&str> {
        let key = PropertiesKey::builder()
            .section_key("services")
            .section_name(section)
            .property_name(service)
            .sub_property_name("endpoint_url")
            .build()
            .ok()?;
        self.profiles.other_sections().get(&key).map(String::as_str)
    }

    /// The variables, for the SDK.
    pub(super) fn env(&self) -> Env {
        self.env.clone()
    }

    /// The files, for the SDK.
    pub(super) fn files(&self) -> EnvConfigFiles {
        contents(&self.files)
    }

    /// Where the credentials come from, as far as their mistakes show only when they come.
    pub(super) fn origin(&self) -> Origin {
        let base = self.chain().pop();
        let process = base.filter(|name| {
            let profile = self.profiles.get_profile(name);
            profile.is_some_and(|profile| profile.get("credential_process").is_some())
        });
        Origin {
            process: process.map(str::to_owned),
        }
    }

    /// What a setting of the profile is called, with the line that has it.
    pub(super) fn name_of(&self, key: &str) -> String {
        self.name_in(self.profiles.selected_profile(), key)
    }

    fn name_in(&self, profile: &str, key: &str) -> String {
        let mut places = self.files.iter().filter_map(|file| {
            let line = file.line_of(profile, key)?;
            Some(format!(" ({}:{line})", file.path.display()))
        });
        let place = places.next().unwrap_or_default();
        format!("{key} of the profile {profile}{place}")
    }

    /// The profile, and those that it takes its credentials from, to the one that has them: as the SDK
    /// follows them.
    fn chain(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = Some(self.profiles.selected_profile());
        while let Some(name) = next.filter(|name| seen.insert(*name)) {
            let get = |key| self.profiles.get_profile(name)?.get(key);
            let has_keys = !names.is_empty()
                && get("aws_access_key_id").is_some()
                && get("aws_secret_access_key").is_some();
            let takes_role = get("role_arn").is_some() && get("web_identity_token_file").is_none();
            names.push(name);
            next = get("source_profile").filter(|_| takes_role && !has_keys);
        }
        names
    }

    /// That the profile exists, and those that it takes its credentials from. To the SDK one that does not
    /// is one without any.
    fn check_names(&self, settings: &AwsSettings) -> Result<(), SettingError> {
        let chain = self.chain();
        let is_missing = |name: &&&str| self.profiles.get_profile(name).is_none();
        let Some(missing) = chain.iter().find(is_missing) else {
            return Ok(());
        };
        let of = chain.iter().rev().nth(1);
        let name = match (of, &settings.profile, self.get("AWS_PROFILE")) {
            (Some(of), ..) => self.name_in(of, "source_profile"),
            (None, Some(_), _) => "profile".to_owned(),
            (None, None, Some(_)) => "AWS_PROFILE".to_owned(),
            // Without a word, there need not be any.
            (None, None, None) => return Ok(()),
        };
        if of.is_none() && *missing == "default" {
            return Ok(());
        }
        let files = self
            .files
            .iter()
            .map(|file| file.path.display().to_string());
        let files: Vec<_> = files.collect();
        let files = match files.is_empty() {
            true => "the AWS configuration files, which do not exist".to_owned(),
            false => files.join(" or "),
        };
        let mut known: Vec<_> = self.profiles.profiles().map(str::to_owned).collect();
        known.sort();
        Err(SettingError::profile(&name, missing, &files, known))
    }

    fn check_profile(&self) -> Result<(), SettingError> {
        let wrong = |profile: &str, key: &str, problem: &str| {
            let hint = "correct it in the AWS configuration file, or remove it";
            SettingError::new(self.name_in(profile, key), problem, hint)
        };
        for name in self.chain() {
            let profile = self.profiles.get_profile(name);
            for key in SIGNED_OF_PROFILE {
                let value = profile.and_then(|profile| profile.get(key));
                value
                    .map_or(Ok(()), check_header)
                    .map_err(|problem| wrong(name, key, problem))?;
            }
        }
        let selected = self.profiles.selected_profile();
        if let Some(url) = self.of_profile("endpoint_url") {
            check_url(url).map_err(|problem| wrong(selected, "endpoint_url", problem))?;
        }
        let Some(section) = self.of_profile("services") else {
            return Ok(());
        };
        for service in SERVICES {
            let url = self.endpoint_in(section, service);
            if let Some(Err(problem)) = url.map(check_url) {
                return Err(SettingError::new(
                    format!("endpoint_url of {service} in [services {section}]"),
                    problem,
                    "correct it in the AWS configuration file, or remove it",
                ));
            }
        }
        Ok(())
    }
}

fn check_variables(variables: &HashMap<String, String>) -> Result<(), SettingError> {
    let check = |names: &[&str], check: &dyn Fn(&str) -> Result<(), &'static str>| {
        for name in names {
            let value = variables.get(*name).map_or(Ok(()), |value| check(value));
            value.map_err(|problem| SettingError::variable(name, problem))?;
        }
        Ok(())
    };
    check(KEYS, &check_header)?;
    check(SIGNED, &check_header)?;
    check(ENDPOINTS, &check_url)?;
    check(READ, &|value| match value.chars().any(char::is_control) {
        true => Err("it has a line break or another control character in it"),
        false => Ok(()),
    })
}

/// The profiles of all files together.
async fn parse(
    env: &Env,
    files: &[File],
    settings: &AwsSettings,
) -> Result<ProfileSet, SettingError> {
    let load = async |files: &[File]| {
        let profile = settings.profile.clone().map(Into::into);
        profile::load(&Fs::real(), env, &contents(files), profile).await
    };
    for file in files {
        if let Err(error) = load(std::slice::from_ref(file)).await {
            let source = std::error::Error::source(&error);
            let problem = source.map_or_else(|| error.to_string(), ToString::to_string);
            return Err(file.error(&problem));
        }
    }
    let all = load(files).await;
    all.map_err(|error| SettingError::new("the AWS configuration", error.to_string(), "correct it"))
}

impl File {
    /// None if there is none, or none that can be found in a home that is not one's own.
    fn read(kind: EnvConfigFileKind, path: PathBuf) -> Result<Option<Self>, SettingError> {
        if !path.is_file() {
            return Ok(None);
        }
        let mut file = Self {
            kind,
            path,
            text: String::new(),
        };
        let bytes = std::fs::read(&file.path).map_err(|error| file.error(&error.to_string()))?;
        file.text = String::from_utf8(bytes).map_err(|_| file.error("it is not UTF-8"))?;
        Ok(Some(file))
    }

    fn error(&self, problem: &str) -> SettingError {
        SettingError::new(
            format!("the AWS configuration file {}", self.path.display()),
            problem.split_whitespace().collect::<Vec<_>>().join(" "),
            "correct it, or name another with AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE",
        )
    }

    /// The file without settings that are empty, line by line.
    fn cleaned(&self) -> String {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut text = String::with_capacity(self.text.len());
        for (n, line) in lines.iter().enumerate() {
            // What is indented belongs to the setting above, which is then a group of them.
            let group = !is_indented(line)
                && lines[n + 1..]
                    .iter()
                    .find(|it| !is_nothing(it))
                    .is_some_and(|it| is_indented(it));
            if group || !is_empty_setting(line) {
                text += line;
            }
            text.push('\n');
        }
        text
    }

    /// The line, counted from 1, on which a profile has a setting.
    fn line_of(&self, profile: &str, key: &str) -> Option<usize> {
        let mut inside = false;
        for (n, line) in self.text.lines().enumerate() {
            if let Some(section) = line.strip_prefix('[').and_then(|it| it.split(']').next()) {
                let section = section.trim();
                inside = section.strip_prefix("profile ").unwrap_or(section).trim() == profile;
            } else if inside
                && line
                    .split_once('=')
                    .is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case(key))
            {
                return Some(n + 1);
            }
        }
        None
    }
}

fn contents(files: &[File]) -> EnvConfigFiles {
    // It wants to have one.
    let mut all = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, "");
    for file in files {
        all = all.with_contents(file.kind, file.cleaned());
    }
    all.build()
}

fn is_indented(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

/// Nothing, or a comment.
fn is_nothing(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with(['#', ';'])
}

/// A key without a value, or with a comment in its place.
fn is_empty_setting(line: &str) -> bool {
    if is_nothing(line) || line.starts_with('[') {
        return false;
    }
    line.split_once('=').is_some_and(|(_, value)| {
        let text = value.trim();
        text.is_empty() || is_indented(value) && text.starts_with(['#', ';'])
    })
}

/// A path, below the home folder if it says so and there is one.
fn expand(path: &str, env: &Env) -> Option<PathBuf> {
    match path.strip_prefix("~/") {
        Some(rest) => Some(Path::new(&home_dir(env, Os::real())?).join(rest)),
        None => Some(PathBuf::from(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File {
            kind: EnvConfigFileKind::Config,
            path: PathBuf::from("config"),
            text: text.to_owned(),
        }
    }

    #[test]
    fn what_is_empty_is_taken_out_of_a_file_and_nothing_else_is() {
        let text = "[default]\r\n\
            region =\n\
            endpoint_url = # none\n\
            # role_arn =\n\
            aws_access_key_id = AKIA=\n\
            \n\
            [services local]\n\
            ssm =\n\
            \u{20} endpoint_url =\n\
            \n\
            lambda =\n\
            \u{20} endpoint_url = http://127.0.0.1:1\n";
        let left = "[default]\n\n\n# role_arn =\naws_access_key_id = AKIA=\n\n[services local]\nssm =\n\n\n\
            lambda =\n  endpoint_url = http://127.0.0.1:1\n";
        assert_eq!(file(text).cleaned(), left);
    }

    #[test]
    fn a_setting_is_found_on_its_line() {
        let file = file("[default]\nregion = a\n[profile prod]\n\nRegion = b\n");
        assert_eq!(file.line_of("default", "region"), Some(2));
        assert_eq!(file.line_of("prod", "region"), Some(5));
        assert_eq!(file.line_of("test", "region"), None);
    }
}
