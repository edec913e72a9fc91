//! `[[notify]]`: whom to tell what happens.
//!
//! Secrets stand in the environment. What is missing there switches off that receiver, and no command fails
//! by it.

use maintenance_server::notify::{Kind, Receiver, Target};
use serde_json::{Value, json};

use super::environment::Environment;
use super::tables::{Form, NotifyTable};
use super::written::Written;
use crate::error::CliError;
use crate::source::{Source, Sourced};
use crate::values::{http_url, without_secrets};

/// Whom to tell.
#[derive(Debug, Clone, Default)]
pub(crate) struct NotifySettings(pub(crate) Vec<ReceiverSettings>);

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct ReceiverSettings {
    pub(crate) name: String,
    /// Why it is told nothing: something is missing in the environment.
    pub(crate) target: Result<Target, String>,
    pub(crate) on: Vec<Kind>,
    allow_link_local: bool,
    /// What the file says of it, as written.
    keys: Vec<(String, Sourced<Value>)>,
}

impl NotifySettings {
    /// Those that can be told something.
    pub(crate) fn receivers(&self) -> Vec<Receiver> {
        let receiver = |settings: &ReceiverSettings| {
            Some(Receiver {
                name: settings.name.clone(),
                target: settings.target.clone().ok()?,
                on: settings.on.clone(),
                allow_link_local: settings.allow_link_local,
            })
        };
        self.0.iter().filter_map(receiver).collect()
    }

    /// Those that cannot, and why.
    pub(crate) fn disabled(&self) -> impl Iterator<Item = (&ReceiverSettings, &str)> {
        let receivers = self.0.iter();
        receivers.filter_map(|it| Some((it, it.target.as_ref().err()?.as_str())))
    }

    /// As `maintenance config` shows them: a literal URL without what may be secret in it.
    pub(crate) fn rows(&self) -> Vec<(String, Sourced<Value>)> {
        let mut rows = Vec::new();
        for (n, receiver) in self.0.iter().enumerate() {
            for (key, it) in &receiver.keys {
                let shown = match (key.as_str(), it.value.as_str()) {
                    ("url", Some(url)) if !url.contains("${") => json!(without_secrets(url)),
                    _ => it.value.clone(),
                };
                rows.push((
                    format!("notify.{n}.{key}"),
                    Sourced::new(shown, it.source.clone()),
                ));
            }
            if let Err(why) = &receiver.target {
                let source = Source::Default("disabled");
                rows.push((
                    format!("notify.{n}.disabled"),
                    Sourced::new(json!(why), source),
                ));
            }
        }
        rows
    }
}

/// The receivers of the file.
pub(super) fn settings(
    tables: &[NotifyTable],
    written: &Written,
    environment: &Environment,
) -> Result<NotifySettings, CliError> {
    let tables = tables.iter().enumerate();
    let receivers = tables.map(|(n, table)| receiver(written, n, table, environment));
    receivers.collect::<Result<_, _>>().map(NotifySettings)
}

fn receiver(
    written: &Written,
    n: usize,
    table: &NotifyTable,
    environment: &Environment,
) -> Result<ReceiverSettings, CliError> {
    let refuse = |key: &str, rule: &str| match key {
        "" => written.refuse(&format!("notify.{n}"), rule),
        key => written.refuse(&format!("notify.{n}.{key}"), rule),
    };
    let in_environment = |key: &str, name: &str| {
        format!("write {key} = \"${{{name}}}\", and set the variable {name}")
    };
    let form = table.kind.ok_or_else(|| {
        refuse("", "has no kind").hint("add kind = \"webhook\" or kind = \"slack\" to it")
    })?;
    let (variable, example) = match form {
        Form::Webhook => (
            "WEBHOOK_URL",
            "url = \"https://hooks.example.com/maintenance\"",
        ),
        Form::Slack => ("SLACK_URL", "url = \"${SLACK_URL}\""),
    };
    let url = table.url.as_deref();
    let url = url.ok_or_else(|| refuse("", "has no url").hint(format!("add {example} to it")))?;
    let template = |key: &str, text: &str| written.template(&format!("notify.{n}.{key}"), text);
    let url = template("url", url)?;
    if form == Form::Slack && url.is_literal() {
        let rule = "is a Slack secret, which must not be in the file";
        return Err(refuse("url", rule).hint(in_environment("url", variable)));
    }
    if url.is_literal() {
        let literal = url.expand(environment).and_then(|url| Ok(http_url(&url)?));
        literal.map_err(|rule| refuse("url", &rule).hint(format!("as in {example}")))?;
    }
    let secret = match (form, &table.secret) {
        (Form::Slack, None) => None,
        (Form::Slack, Some(_)) => {
            let rule = "Slack uses none: its url is the secret";
            return Err(refuse("secret", rule).hint("remove it"));
        }
        (Form::Webhook, None) => {
            return Err(refuse(
                "",
                "has no secret, with which the receiver verifies the sender",
            )
            .hint(in_environment("secret", "WEBHOOK_SECRET")));
        }
        (Form::Webhook, Some(text)) => {
            let secret = template("secret", text)?;
            if !secret.is_variable() {
                let rule = "a secret must not be in the file";
                let hint = in_environment("secret", "WEBHOOK_SECRET");
                return Err(refuse("secret", rule).hint(hint));
            }
            Some(secret)
        }
    };
    let target = || {
        let url = http_url(&url.expand(environment)?).map_err(|rule| format!("its url {rule}"))?;
        Ok(match &secret {
            None => Target::Slack { url },
            Some(secret) => Target::Webhook {
                url,
                secret: secret
                    .expand(environment)?
                    .parse()
                    .map_err(|rule| format!("its secret {rule}"))?,
            },
        })
    };
    let target: Result<Target, String> = target();
    let name = table.name.as_ref().map(|name| name.0.0.clone());
    let name = name.unwrap_or_else(|| match (form, &target) {
        (Form::Webhook, Ok(target)) => target.host(),
        (Form::Webhook, Err(_)) => format!("webhook {}", n + 1),
        (Form::Slack, _) => "slack".to_owned(),
    });
    Ok(ReceiverSettings {
        name,
        target,
        on: match &table.on {
            Some(on) => on.0.clone(),
            None => Kind::ALL.to_vec(),
        },
        allow_link_local: table.allow_link_local,
        keys: written.keys(&format!("notify.{n}")),
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::file::ConfigFile;
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs=";

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<NotifySettings, CliError> {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("maintenance.toml");
        std::fs::write(&path, text).unwrap();
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment = Environment {
            variables: variables.iter().map(pair).collect(),
            ..Environment::default()
        };
        let file = ConfigFile::read(&path)?;
        settings(&file.notify, &file.written, &environment)
    }

    #[test]
    fn what_a_receiver_cannot_be_names_its_line_its_key_and_what_to_do() {
        let webhook = "[[notify]]\nkind = \"webhook\"\n";
        let slack = "[[notify]]\nkind = \"slack\"\n";
        for (text, why, hint) in [
            (
                "app = \"x\"\n[[notify]]\n".to_owned(),
                "line 2: notify.0: has no kind",
                "kind = \"webhook\"",
            ),
            (
                "[[notify]]\nkind = \"slak\"\n".to_owned(),
                "line 2: notify.kind: must be webhook or slack, and is slak",
                "did you mean slack?",
            ),
            (
                webhook.to_owned(),
                "line 1: notify.0: has no url",
                "add url",
            ),
            (
                format!("{webhook}url = \"https://x.test\"\n"),
                "line 1: notify.0: has no secret",
                "write secret = \"${WEBHOOK_SECRET}\", and set the variable WEBHOOK_SECRET",
            ),
            (
                format!("{webhook}url = \"https://x.test\"\nsecret = \"{SECRET}\"\n"),
                "line 4: notify.0.secret: a secret must not be in the file",
                "${WEBHOOK_SECRET}",
            ),
            (
                format!("{webhook}url = \"https://x.test\"\nsecret = \"whsec_${{A}}\"\n"),
                "line 4: notify.0.secret: a secret must not be in the file",
                "",
            ),
            (
                format!("{webhook}url = \"ftp://x.test\"\nsecret = \"${{S}}\"\n"),
                "line 3: notify.0.url: must be a URL that begins with https:// or http://",
                "as in url",
            ),
            (
                format!("{webhook}url = \"https://${{X\"\nsecret = \"${{S}}\"\n"),
                "line 3: notify.0.url: has a ${ without its }",
                "${NAME}",
            ),
            (
                format!("{slack}url = \"https://hooks.slack.com/services/T/B/x\"\n"),
                "line 3: notify.0.url: is a Slack secret, which must not be in the file",
                "url = \"${SLACK_URL}\"",
            ),
            (
                format!("{slack}url = \"${{S}}\"\nsecret = \"${{S}}\"\n"),
                "line 4: notify.0.secret: Slack uses none",
                "remove it",
            ),
            (
                format!("{slack}url = \"${{S}}\"\non = []\n"),
                "line 4: notify.on: must not be empty",
                "",
            ),
            (
                format!("{slack}url = \"${{S}}\"\non = [\"turnd_on\"]\n"),
                "line 4: notify.on: must be",
                "did you mean turned_on?",
            ),
            (
                format!("{slack}url = \"${{S}}\"\nsecrt = \"x\"\n"),
                "line 4: there is no key \"notify.secrt\"",
                "did you mean secret?",
            ),
            (
                "[[notify]]\nkind = \"slack\"\nurl = \"${S}\"\n\n[[notify]]\n".to_owned(),
                "line 5: notify.1: has no kind",
                "",
            ),
            (
                "[notify]\nkind = \"slack\"\n".to_owned(),
                "line 1: notify: expected a list, found a table",
                "",
            ),
        ] {
            let refused = read(&text, &[]).unwrap_err();
            let (causes, hints) = (refused.causes().join(" / "), refused.hints().join(" / "));
            assert!(causes.starts_with(why), "{text}: {causes}");
            assert!(hints.contains(hint), "{text}: {hints}");
            assert!(
                !causes.contains("whsec_C2") && !hints.contains("whsec_C2"),
                "{causes}"
            );
            assert_eq!(refused.outcome().code(), 2);
        }
    }

    #[test]
    fn what_is_missing_in_the_environment_switches_off_that_receiver_alone() {
        let text = "[[notify]]\nkind = \"webhook\"\nurl = \"https://${HOST}/x\"\nsecret = \"${S}\"\n\
            [[notify]]\nkind = \"slack\"\nurl = \"${SLACK}\"\nname = \"ops\"\non = [\"failed\"]\n";
        let disabled = |variables: &[(&str, &str)]| {
            let settings = read(text, variables).unwrap();
            let disabled = settings.disabled();
            let disabled = disabled.map(|(it, why)| format!("{}: {why}", it.name));
            (disabled.collect::<Vec<_>>(), settings.receivers().len())
        };
        let slack = ("SLACK", "https://hooks.slack.test/x");
        let (host, secret) = (("HOST", "hooks.test"), ("S", SECRET));
        assert_eq!(disabled(&[slack, host, secret]), (vec![], 2));
        let one = |why: &str| (vec![why.to_owned()], 1);
        assert_eq!(
            disabled(&[slack, secret]),
            one("webhook 1: HOST is not set")
        );
        assert_eq!(
            disabled(&[slack, host, ("S", "hunter2")]),
            one("webhook 1: its secret must be whsec_ and then 24 to 64 bytes in base64")
        );
        assert_eq!(
            disabled(&[host, secret, ("SLACK", "s3cret")]),
            one("ops: its url must be a URL that begins with https:// or http://")
        );
        let settings = read(text, &[slack, host, secret]).unwrap();
        assert_eq!(settings.0[0].name, "hooks.test");
        assert_eq!(settings.0[0].on, Kind::ALL);
        assert_eq!(settings.0[1].on, [Kind::Failed]);
    }
}
