//! `maintenance init`: a commented configuration file to start from.

use std::io::Write as _;
use std::path::Path;

use maintenance_flag::{App, Prefix, Product};

use crate::args::Global;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::settings::{Environment, FILE_NAME};
use crate::values::StoreChoice;

/// The environment, if none is given.
const DEFAULT_ENV: &str = "dev";

/// Writes the file, all of it or nothing, and never over another.
pub(crate) fn run(
    args: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<Outcome, CliError> {
    let path = match &args.config {
        Some(path) => environment.dir.join(path),
        None => environment.dir.join(FILE_NAME),
    };
    if path.exists() {
        return Err(exists(&path));
    }
    let guessed = args.app.is_none();
    let name = args.app.as_ref().map(ToString::to_string);
    let name = name.unwrap_or_else(|| guess(&environment.dir));
    let env = args.env.as_ref().map(ToString::to_string);
    let env_guessed = env.is_none();
    let app = App::new(&name, env.as_deref().unwrap_or(DEFAULT_ENV))
        .map_err(|error| CliError::usage(error.to_string()).hint("give --app and --env"))?;
    let store = args.store.clone().unwrap_or(StoreChoice::Ssm);
    let prefix = args.prefix.clone().unwrap_or_default();
    write(&path, &template(&app, &store, &prefix))?;
    output.say(format_args!("Wrote {} for {app}", path.display()));
    if guessed {
        output.say(format_args!(
            "The app's name, {}, is the folder's: give --app for another",
            app.name()
        ));
    }
    if env_guessed {
        output.say(format_args!(
            "The environment is {}: give --env for another",
            app.env()
        ));
    }
    Ok(Outcome::Done)
}

fn exists(path: &Path) -> CliError {
    CliError::failed(format!("{} already exists", path.display()))
        .cause("a configuration file is never overwritten")
        .hint("edit it, or remove it first")
}

/// The folder's name, as far as it can be an app's.
fn guess(dir: &Path) -> String {
    let name = dir
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let name: String = name
        .chars()
        .map(|c| if valid(c) { c } else { '-' })
        .collect();
    let name: String = name
        .trim_start_matches(|c: char| !c.is_ascii_alphanumeric())
        .chars()
        .take(64)
        .collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() {
        "app".to_owned()
    } else {
        name.to_owned()
    }
}

/// Writes beside the place and renames without overwriting, so that no reader sees half a file and no
/// race loses one.
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |error: &std::io::Error| {
        CliError::failed(format!("cannot write {}", path.display())).caused_by(error)
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".maintenance-");
    // The file is for the team's repository; the umask takes away what it does elsewhere.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(|e| failed(&e))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(|e| failed(&e))?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(exists(path)),
        Err(error) => Err(failed(&error.error)),
    }
}

/// The file: prose begins with `# `, a setting that is commented out with `#` alone.
fn template(app: &App, store: &StoreChoice, prefix: &Prefix) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let store = match store {
        StoreChoice::Ssm => "\
# AWS Systems Manager Parameter Store. For apps on one machine: kind = \"file\", and path = \".maintenance\",
# a folder relative to this file.
kind = \"ssm\""
            .to_owned(),
        StoreChoice::File(path) => format!(
            "\
# A folder, relative to this file, for apps on one machine. In AWS: kind = \"ssm\", without path.
kind = \"file\"
path = {}",
            quoted(&path.display().to_string())
        ),
    };
    let (name, env) = (quoted(app.name()), quoted(app.env()));
    let env_word = app.env();
    // A name that is none of a product is not to be proposed for one.
    let product = app.name().to_lowercase();
    let product = product
        .parse::<Product>()
        .map_or_else(|_| "all".to_owned(), |it| it.to_string());
    let prefix = quoted(prefix.as_str());
    format!(
        r##"# Settings of `maintenance`. An option or a MAINTENANCE_* variable overrides a setting here;
# `maintenance config` shows every setting and where it comes from.
# To use a line that begins with # and no space, remove its #.

# The app {app}
app = {name}
env = {env}

# Where it is, if that is not where the AWS SDK would look
#region = "eu-west-1"
#profile = "{env_word}"

# Calls to AWS Lambda a second. AWS allows 15 for all callers together, deploys included.
#rate = 10

[store]
{store}
# The prefix of the parameters' names
prefix = {prefix}

# The roles web and worker always exist. A role that selects functions pauses them during maintenance and
# restores exactly what they had; a role that selects none is only a flag. Select background functions,
# never the web handlers: those answer 503 by themselves.
#[roles.worker]
# Names or globs
#functions = ["{app}-worker-*"]
#exclude = ["*-prewarm"]
# Only functions that have all of these tags
#tags = {{ role = "worker" }}

#[roles.web]
# What `on --wait` waits for, in seconds: the longest timeout of the web handlers (900 unless set), and
# their MAINTENANCE_TTL
#timeout = 30
#ttl = 5
# What maintenance of the role starts with, unless `on` says otherwise: a message for visitors, addresses
# and ranges that pass, and paths that pass
#message = "We are moving to a new database. Your data is safe."
#allow_ip = ["192.0.2.0/24"]
#allow_path = ["/health", "/hooks/*"]
# Where the link of `on --bypass` leads
#url = "https://example.com"

# Apps that go into maintenance together, with `--product {product}`: this file's own, and those below
#[products.{product}]
#title = "Shop"
#version = "2.4.1"
#apps = [{name}, "billing"]

# Another app: the same keys as above, or config = "../billing/maintenance.toml" and no other
#[apps.billing]
#region = "eu-west-1"
#profile = "billing"
#roles.worker.functions = ["billing-*"]

# A window that opens again and again, where `maintenance serve` or `maintenance observe` runs: when clocks in
# the time zone show what the five fields of cron say (minute, hour, day of the month, month, day of the week)
#[[windows]]
#name = "nightly"
#cron = "0 22 * * SUN"
#timezone = "Europe/Berlin"
#duration = "2h"
# Roles of this file's own app; or product = "{product}", for all roles of its apps
#roles = ["web"]
#reason = "weekly migration"
#message = "We are back at midnight."
# Let visitors read; only for roles without functions
#read_only = true
# Pause functions even if their events will be lost; otherwise those functions keep running
#accept_event_loss = true

# Who is notified: a webhook (standardwebhooks.com) or Slack. Secrets belong in environment variables
#[[notify]]
#kind = "slack"
#url = "${{SLACK_URL}}"
# Which events it gets, if not all
#on = ["turned_on", "turned_off", "partial", "failed"]

#[[notify]]
#kind = "webhook"
#url = "https://hooks.example.com/maintenance"
#secret = "${{WEBHOOK_SECRET}}"

# A monitor that turns maintenance on and off, where `maintenance serve` or `maintenance observe` runs. Other kinds:
# file, sql, command, parameter, alarm, calendar. See docs/observers.md
#[observers.database]
#kind = "http"
#url = "https://status.example.com/database"
# ${{NAME}} is a variable of the environment: write no secret here
#headers = {{ Authorization = "Bearer ${{STATUS_TOKEN}}" }}
#json_path = "$.state"
# The value that means maintenance; any other means normal, unless normal says which
#maintenance = "maintenance"
#normal = "ok"
# The time between checks, the time limit of each, and how many equal results in a row it takes
#interval = "30s"
#timeout = "10s"
#confirm = 2
# All apps of a product; or app and roles; or the file's own app, if neither is given
#product = "{product}"
"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_gives_a_valid_name() {
        for (folder, name) in [
            ("/x/shop", "shop"),
            ("/x/My Shop!", "My-Shop"),
            ("/x/.hidden", "hidden"),
            ("/x/über", "ber"),
            ("/x/!!!", "app"),
            ("/", "app"),
        ] {
            assert_eq!(guess(Path::new(folder)), name, "{folder}");
            App::new(name, "dev").unwrap();
        }
    }
}
