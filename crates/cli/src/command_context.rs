//! The commands that hints and advice name, with every option that chose what this command acts on.
//!
//! Texts name a command in backticks: `maintenance off`. Printed like that, after `on --all --env prod`, it
//! would act on another app. [`CommandContext::complete`] adds what is missing, as a shell takes it.

use std::borrow::Cow;

use crate::error::CliError;
use crate::settings::{Settings, Target};
use crate::source::Sourced;

/// The options that chose what this command acts on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CommandContext {
    /// Which roles, of commands that take them.
    roles: Vec<String>,
    /// Which app, and which AWS.
    app: Vec<String>,
}

impl CommandContext {
    /// What was typed: variables and the configuration file still hold for the next command.
    pub(crate) fn of(target: &Target) -> Self {
        let app = match &target.product {
            Some(product) => Some(format!("--product {}", quoted(product.id.as_str()))),
            None => target.app.app.as_ref().and_then(|app| {
                typed(app)?;
                Some(named(&target.app))
            }),
        };
        Self {
            roles: roles(&target.app, target.product.is_none()),
            app: app.into_iter().chain(place(&target.app)).collect(),
        }
    }

    /// The same for one of the apps alone.
    pub(crate) fn of_app(target: &Target, app: &Settings) -> Self {
        if target.product.is_none() {
            return Self::of(target);
        }
        Self {
            roles: roles(app, true),
            app: std::iter::once(named(app))
                .chain(place(&target.app))
                .collect(),
        }
    }

    /// The text, in which each command in backticks has the options that it lacks.
    pub(crate) fn complete<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.roles.is_empty() && self.app.is_empty() || !text.contains("`maintenance ") {
            return Cow::Borrowed(text);
        }
        // Every second part is between backticks.
        let parts = text.split('`').enumerate().map(|(n, part)| match n % 2 {
            1 => self.command(part),
            _ => part.to_owned(),
        });
        Cow::Owned(parts.collect::<Vec<_>>().join("`"))
    }

    /// The error, whose hints are completed.
    pub(crate) fn complete_hints(&self, error: CliError) -> CliError {
        error.map_hints(|hint| self.complete(&hint).into_owned())
    }

    /// The error of one of its apps, in which commands that take one app alone name it.
    pub(crate) fn complete_for_one(&self, error: CliError) -> CliError {
        error.map_hints(|hint| {
            let unlock = "`maintenance unlock`";
            hint.replace(unlock, &self.complete(unlock))
        })
    }

    fn command(&self, command: &str) -> String {
        let mut words = command.split(' ');
        let (program, name) = (words.next(), words.next());
        let (roles, app) = match name {
            _ if program != Some("maintenance") || command.ends_with("--help") => {
                return command.to_owned();
            }
            Some("on" | "off" | "status" | "schedule" | "workers") => {
                (self.roles.as_slice(), &self.app)
            }
            Some("unlock" | "config" | "token") => (&[][..], &self.app),
            _ => return command.to_owned(),
        };
        let is_product = |option: &str| option.starts_with("--product");
        let is_app = |option: &str| option.starts_with("--app") || is_product(option);
        let words: Vec<&str> = words.collect();
        let names_app = words.iter().any(|word| is_app(word));
        let names_role = words
            .iter()
            .any(|word| ["--role", "--all"].contains(word) || is_product(word));
        let roles = roles.iter().filter(|_| !names_role);
        let is_there = |option: &str| command.contains(option) || names_app && is_app(option);
        let lacks = |option: &&String| !is_there(option);
        let options = roles.chain(app).filter(lacks);
        let options = options.map(|option| format!(" {option}"));
        format!("{command}{}", options.collect::<String>())
    }
}

/// The roles that were chosen. Of a product those are all, unless one was typed.
fn roles(settings: &Settings, says_all: bool) -> Vec<String> {
    let mut roles = Vec::new();
    if settings.all {
        roles.extend(says_all.then(|| "--all".to_owned()));
    } else if let Some(role) = typed(&settings.role) {
        let chosen = std::iter::once(role).chain(&settings.also);
        roles.extend(chosen.map(|role| format!("--role {}", quoted(role.as_str()))));
    }
    let mut selected = settings.roles.iter();
    let selected = selected.find(|role| role.role == settings.role.value);
    let globs = selected.and_then(|role| role.functions.as_ref());
    let globs = globs.and_then(typed).into_iter().flatten();
    roles.extend(globs.map(|glob| format!("--function {}", quoted(glob))));
    roles
}

/// The option that names the app.
fn named(app: &Settings) -> String {
    format!("--app {}", quoted(app.handle().unwrap_or_default()))
}

/// What else chose what is acted on.
fn place(settings: &Settings) -> Vec<String> {
    let mut options = Vec::new();
    let mut option = |name: &str, value: Option<String>| {
        options.extend(value.map(|value| format!("{name} {}", quoted(&value))));
    };
    let text = |value: &Option<Sourced<String>>| value.as_ref().and_then(typed).cloned();
    option("--env", text(&settings.env));
    let store = typed(&settings.store);
    option("--store", store.map(ToString::to_string));
    let prefix = typed(&settings.prefix);
    option("--prefix", prefix.map(ToString::to_string));
    let config = settings.config_file.as_ref().and_then(typed);
    option("--config", config.map(|path| path.display().to_string()));
    option("--profile", text(&settings.profile));
    option("--region", text(&settings.region));
    // One with a user in it may have a password in it, too.
    let endpoint = text(&settings.endpoint_url);
    let endpoint = endpoint.map(|url| match url.contains('@') {
        true => "URL".to_owned(),
        false => url,
    });
    option("--endpoint-url", endpoint);
    options
}

fn typed<T>(value: &Sourced<T>) -> Option<&T> {
    value.is_typed().then_some(&value.value)
}

/// As a shell takes it for one word.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-+=@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_the_shell_are_quoted_when_they_must_be() {
        assert_eq!(quoted("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(quoted("/my folder/it's"), r"'/my folder/it'\''s'");
        assert_eq!(quoted("demo-*"), "'demo-*'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn each_command_gets_the_options_that_it_takes_and_lacks() {
        let context = CommandContext {
            roles: vec!["--all".to_owned()],
            app: vec!["--env prod".to_owned()],
        };
        for (text, completed) in [
            (
                "run `maintenance off`",
                "run `maintenance off --all --env prod`",
            ),
            (
                "`maintenance off --role web` or `maintenance unlock`",
                "`maintenance off --role web --env prod` or `maintenance unlock --env prod`",
            ),
            ("see `maintenance on --help`", "see `maintenance on --help`"),
            (
                "`maintenance init` and `aws sso login`",
                "`maintenance init` and `aws sso login`",
            ),
            ("maintenance off", "maintenance off"),
        ] {
            assert_eq!(context.complete(text), completed);
            assert_eq!(context.complete(completed), completed, "twice is once");
        }
        let untouched = CommandContext::default().complete("run `maintenance off`");
        assert_eq!(untouched, "run `maintenance off`");
    }

    #[test]
    fn a_command_that_names_an_app_or_a_product_gets_no_other() {
        let of = |option: &str, roles: &[&str]| CommandContext {
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            app: vec![option.to_owned(), "--env prod".to_owned()],
        };
        let product = of("--product shop", &["--role web"]);
        let billing = of("--app billing", &["--all"]);
        assert_eq!(
            product.complete("`maintenance off` or `maintenance unlock --app billing`"),
            "`maintenance off --role web --product shop --env prod` or \
             `maintenance unlock --app billing --env prod`"
        );
        assert_eq!(
            billing.complete("`maintenance off --product mail`, `maintenance off`"),
            "`maintenance off --product mail --env prod`, \
             `maintenance off --all --app billing --env prod`"
        );
    }
}
