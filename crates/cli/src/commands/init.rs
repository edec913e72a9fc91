//! `maintenance init`: a commented configuration file to start from.

use std::io::Write as _;
use std::path::Path;

use maintenance_flag::{App, Prefix};

use crate::args::Global;
use crate::exit_code::Outcome;
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::{FILE_NAME, Surroundings};

/// The environment, if none is given.
const DEFAULT_ENV: &str = "dev";

/// Writes the file, all of it or nothing, and never over another.
pub(crate) fn run(
    args: &Global,
    around: &Surroundings,
    output: &Output,
) -> Result<Outcome, Failure> {
    let path = match &args.config {
        Some(path) => around.dir.join(path),
        None => around.dir.join(FILE_NAME),
    };
    if path.exists() {
        return Err(exists(&path));
    }
    let given = |arg: &Option<String>, variable| match arg {
        Some(text) => Ok::<_, Failure>(Some(text.clone())),
        None => Ok(around.ours(variable)?.map(|it| it.value)),
    };
    let (app, env) = (
        given(&args.app, "MAINTENANCE_APP")?,
        given(&args.env, "MAINTENANCE_ENV")?,
    );
    let guessed = app.is_none();
    let (name, env_guessed) = (app.unwrap_or_else(|| guess(&around.dir)), env.is_none());
    let app = App::new(&name, env.as_deref().unwrap_or(DEFAULT_ENV))
        .map_err(|error| Failure::usage(error.to_string()).hint("give --app and --env"))?;
    let store = store(args.store.as_deref())?;
    let prefix: Prefix = args
        .prefix
        .as_deref()
        .map_or_else(|| Ok(Prefix::default()), str::parse)
        .map_err(|error| Failure::usage(error.to_string()))?;
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

/// A file store's path; None is Parameter Store.
fn store(given: Option<&str>) -> Result<Option<String>, Failure> {
    match given {
        None | Some("ssm") => Ok(None),
        Some(text) => match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() => Ok(Some(path.to_owned())),
            _ => Err(Failure::usage(format!("the store {text:?} is not valid"))
                .cause("it must be ssm or file:PATH")),
        },
    }
}

fn exists(path: &Path) -> Failure {
    Failure::failed(format!("{} exists already", path.display()))
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
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| {
        Failure::failed(format!("cannot write {}", path.display())).caused_by(error)
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

fn template(app: &App, store: &Option<String>, prefix: &Prefix) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let store = match store {
        None => "kind = \"ssm\"                         # AWS Systems Manager Parameter Store; or \"file\"\n\
                 # path = \".maintenance\"              # of a file store, relative to this file\n"
            .to_owned(),
        Some(path) => format!(
            "kind = \"file\"                        # for apps on one machine; or \"ssm\"\n\
             path = {}  # relative to this file\n",
            quoted(path)
        ),
    };
    let (name, env, prefix) = (
        quoted(app.name()),
        quoted(app.env()),
        quoted(prefix.as_str()),
    );
    format!(
        r#"# What `maintenance` works on. A flag or a MAINTENANCE_* variable overrides what is said here;
# `maintenance config` shows every setting and where it came from.

app = {name}
env = {env}                          # together: {app}

# Calls a second to AWS Lambda. AWS allows 15 for all callers together; deploys share them.
# rate = 10

[store]
{store}prefix = {prefix}              # what the parameters' names begin with

# The roles web and worker always exist. A role that selects functions is scaled to zero during
# maintenance and gets back exactly what it had; one that selects none is a flag alone. Select the
# background functions, never the web handlers: those answer 503 by themselves.
#
# [roles.worker]
# functions = ["{app}-worker-*"]    # names or globs
# exclude = ["*-prewarm"]
# tags = {{ role = "worker" }}          # and only with all of these tags
#
# What `on --wait` waits for, where a role has handlers behind the gate: seconds.
# [roles.web]
# timeout = 30                         # the longest timeout of its functions; 900 unless set
# ttl = 5                              # MAINTENANCE_TTL of its functions
#
# What a window of a role has when it opens, unless `on` says otherwise:
# message = "We are moving to a new database. Your data is safe."
# allow_ip = ["192.0.2.0/24"]          # addresses and ranges that pass: the office
# allow_path = ["/health", "/hooks/*"] # paths that pass: health checks, payment webhooks
# url = "https://example.com"          # where the link of `on --bypass` leads
"#
    )
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    use super::*;

    #[test]
    fn every_key_that_the_template_offers_is_one() {
        let app = App::new("demo", "dev").unwrap();
        let text = template(&app, &None, &Prefix::default());
        let offered = |line: &str| {
            let line = line.strip_prefix("# ")?;
            let key = line.split([' ', ']']).next()?;
            let is_key = line.starts_with("[roles.") || line.contains(" = ");
            (is_key && !key.contains(['`', ','])).then(|| line.to_owned())
        };
        let lines = text.lines().map(|line| match offered(line) {
            // Of a file store alone.
            Some(line) if line.starts_with("path") => String::new(),
            Some(line) => line,
            None => line.to_owned(),
        });
        let taken = lines.collect::<Vec<_>>().join("\n");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, &taken).unwrap();
        let around = Surroundings {
            dir: folder.path().to_owned(),
            ..Surroundings::default()
        };
        let settings = Settings::resolve(&Global::default(), &around)
            .unwrap_or_else(|failure| panic!("{failure:?}\n{taken}"));
        let web = settings.roles.first().unwrap();
        let standing = &web.standing;
        assert!(standing.message.is_some() && standing.url.is_some());
        assert!(standing.allow_ip.is_some() && standing.allow_path.is_some());
        assert_eq!(web.timeout.as_ref().unwrap().value.as_secs(), 30);
        assert!(settings.roles.iter().any(|role| role.functions.is_some()));
    }

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
