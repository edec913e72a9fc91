//! What a command acts on: the file's own app, one that has a table in it, or all apps of a product.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use maintenance_flag::Product;

use super::environment::Environment;
use super::file::{self, ConfigFile, FILE_NAME, ProductTable, Section};
use super::notify;
use super::notify::NotifySettings;
use super::observers::{Lookup, ObserverSettings};
use super::resolve::{Settings, Sources};
use super::target::{ProductSettings, Target};
use super::windows::{self, WindowSettings};
use crate::args::Global;
use crate::error::CliError;
use crate::source::{Source, Sourced};
use crate::suggest;
use crate::values::AppName;

/// Options, variables and the configuration file, before they are laid over each other.
#[derive(Debug)]
pub(crate) struct Configuration<'a> {
    args: &'a Global,
    environment: &'a Environment,
    file: Option<(Sourced<PathBuf>, ConfigFile)>,
}

impl<'a> Configuration<'a> {
    /// Reads the file, if there is one.
    pub(crate) fn read(args: &'a Global, environment: &'a Environment) -> Result<Self, CliError> {
        Ok(Self {
            args,
            environment,
            file: config_file(args, environment)?,
        })
    }

    /// Whether the options select a product.
    pub(crate) fn selects_a_product(&self) -> bool {
        self.args.product.is_some()
    }

    /// What the options select.
    pub(crate) fn target(&self) -> Result<Target, CliError> {
        let Some(id) = &self.args.product else {
            return Ok(Target {
                notify: self.notify()?,
                ..Target::of(self.app()?)
            });
        };
        let is_typed = |app: Sourced<AppName>| app.is_typed();
        let app = self.args.sourced("app", &self.args.app);
        for (option, is_given) in [
            ("--app", app.is_some_and(is_typed)),
            ("--function", !self.args.functions.is_empty()),
        ] {
            if is_given {
                return Err(
                    CliError::usage(format!("--product cannot be used with {option}"))
                        .cause(
                            "it covers all apps of the product, with the functions of their roles",
                        )
                        .hint("leave one of them out"),
                );
            }
        }
        Ok(Target {
            app: self.own(true)?,
            product: Some(self.product(id)?),
            notify: self.notify()?,
        })
    }

    /// Whom to tell what happens.
    pub(crate) fn notify(&self) -> Result<NotifySettings, CliError> {
        match &self.file {
            Some((_, file)) => notify::settings(&file.notify, &file.written, self.environment),
            None => Ok(NotifySettings::default()),
        }
    }

    /// The one app that the options select: the file's own, unless it has a table for the one that is named.
    pub(crate) fn app(&self) -> Result<Settings, CliError> {
        let mut settings = match self.table_of_named()? {
            Some(settings) => settings,
            None => self.own(false)?,
        };
        let globs = self.args.functions.iter().map(ToString::to_string);
        settings.choose_functions(&globs.collect::<Vec<_>>())?;
        Ok(settings)
    }

    /// The file's own settings, for a command that acts on a store, and on no app of it.
    pub(crate) fn of_store(&self) -> Result<Settings, CliError> {
        self.own(true)
    }

    /// All products of the file: none, if it names none.
    pub(crate) fn products(&self) -> Result<Vec<ProductSettings>, CliError> {
        let Some((_, file)) = &self.file else {
            return Ok(Vec::new());
        };
        let product = |(id, table): (&String, &ProductTable)| {
            let id = id.parse().map_err(|error: maintenance_flag::NameError| {
                let hint = "give it another name, and the title that is shown";
                file.written
                    .refuse(&format!("products.{id}"), error.rule())
                    .hint(hint)
            })?;
            self.resolve(file, id, table)
        };
        file.products.iter().map(product).collect()
    }

    /// All apps that have a table.
    pub(crate) fn apps(&self) -> Result<Vec<Settings>, CliError> {
        let Some((_, file)) = &self.file else {
            return Ok(Vec::new());
        };
        let own = self.own(true)?;
        let keys = file.apps.keys();
        keys.map(|key| self.of_table(file, key, &own, true))
            .collect()
    }

    /// All windows that open again and again: none overlaps another from now on.
    pub(crate) fn windows(&self, now: Timestamp) -> Result<Vec<WindowSettings>, CliError> {
        match &self.file {
            Some((_, file)) if !file.windows.is_empty() => windows::windows(
                &file.windows,
                &file.written,
                &self.own(true)?,
                |id| self.product(id),
                now,
            ),
            _ => Ok(Vec::new()),
        }
    }

    /// The product of this id.
    pub(crate) fn product(&self, id: &Product) -> Result<ProductSettings, CliError> {
        let unknown = CliError::usage(format!("there is no product {id}"));
        let Some((path, file)) = &self.file else {
            let place = self.environment.dir.display();
            return Err(unknown
                .cause(format!("there is no {FILE_NAME} in {place} or above it"))
                .hint("name the file with --config"));
        };
        if let Some(table) = file.products.get(id.as_str()) {
            return self.resolve(file, id.clone(), table);
        }
        let known: Vec<&str> = file.products.keys().map(String::as_str).collect();
        let path = path.value.display();
        Err(match known.as_slice() {
            [] => unknown
                .cause(format!("{path} names no products"))
                .hint(format!("add [products.{id}] to it, with apps = [\"…\"]")),
            known => unknown
                .cause(format!("{path} has no [products.{id}]"))
                .hint(suggest::hint(id.as_str(), known, "the products are")),
        })
    }

    fn resolve(
        &self,
        file: &ConfigFile,
        id: Product,
        table: &ProductTable,
    ) -> Result<ProductSettings, CliError> {
        let key = |key: &str| format!("products.{id}.{key}");
        let refuse = |rule: String| file.written.refuse(&key("apps"), &rule);
        let Some(names) = &table.apps else {
            let refused = file
                .written
                .refuse(&format!("products.{id}"), "names no apps");
            return Err(refused.hint("add apps = [\"…\"] to it"));
        };
        let own = self.own(true)?;
        let own_name = own.app.as_ref().map(|app| app.value.as_str());
        if let Some(name) = own_name.filter(|name| file.apps.contains_key(*name)) {
            let rule = format!("the file's own app is called {name}, too");
            return Err(file
                .written
                .refuse(&format!("apps.{name}"), &rule)
                .hint("give the table another name, or remove it"));
        }
        let mut apps: Vec<Settings> = Vec::with_capacity(names.0.len());
        let (mut seen, mut seen_apps) = (BTreeSet::new(), BTreeSet::new());
        for name in &names.0 {
            if !seen.insert(name) {
                return Err(refuse(format!("{name} is named twice")).hint("name it once"));
            }
            let app = self.app_named(file, name, &own, refuse)?;
            if !seen_apps.insert(app.app()?.to_string()) {
                let rule = format!("{name} is the app {}, which is already named", app.app()?);
                return Err(
                    refuse(rule).hint("name it once, or give one of them another app or env")
                );
            }
            if let Some(first) = apps.first() {
                let (a, b) = (first.app()?, app.app()?);
                if a.env() != b.env() {
                    let at = |app: &Settings| {
                        app.env
                            .as_ref()
                            .map_or_else(String::new, |env| format!(" ({})", env.source))
                    };
                    let rule = format!(
                        "the env of {} is {}{}, and that of {} is {}{}",
                        a.name(),
                        a.env(),
                        at(first),
                        b.name(),
                        b.env(),
                        at(&app)
                    );
                    return Err(refuse(rule).hint(
                        "a product has the apps of one environment: correct env, or give --env for all",
                    ));
                }
            }
            apps.push(app);
        }
        let environment = apps.first().and_then(|app| app.env.clone());
        let text = |name: &str, value: Option<String>| {
            value.map(|value| Sourced::new(value, file.written.source(&key(name))))
        };
        Ok(ProductSettings {
            title: text("title", table.title.as_ref().map(|it| it.0.0.clone())),
            version: text("version", table.version.as_ref().map(|it| it.0.0.clone())),
            environment: environment.map_or_else(String::new, |env| env.value),
            source: file.written.source(&key("apps")),
            id,
            apps,
        })
    }

    /// The app that is called so in the file.
    fn app_named(
        &self,
        file: &ConfigFile,
        name: &str,
        own: &Settings,
        refuse: impl Fn(String) -> CliError,
    ) -> Result<Settings, CliError> {
        let own_name = own.app.as_ref().map(|app| app.value.as_str());
        if own_name == Some(name) {
            return Ok(own.clone());
        }
        if file.apps.contains_key(name) {
            return self.of_table(file, name, own, true);
        }
        let tables = file.apps.keys().map(String::as_str);
        let known: Vec<&str> = own_name.into_iter().chain(tables).collect();
        let refused = refuse(format!("there is no app {name}"));
        Err(
            refused.hint(match suggest::nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("add [apps.{name}]; the apps are {}", known.join(", ")),
            }),
        )
    }

    /// All observers of the file: none, if it names none.
    pub(crate) fn observers(&self) -> Result<Vec<ObserverSettings>, CliError> {
        let Some((_, file)) = &self.file else {
            return Ok(Vec::new());
        };
        if file.observers.is_empty() {
            return Ok(Vec::new());
        }
        let own = self.own(true)?;
        let lookup = Lookup {
            tables: &file.observers,
            written: &file.written,
            own: &own,
            environment: self.environment,
            app: &|name, refuse| self.app_named(file, name, &own, refuse),
            product: &|id| self.product(id),
        };
        lookup.observers()
    }

    /// The file's own app.
    fn own(&self, is_of_product: bool) -> Result<Settings, CliError> {
        let file = self.file.as_ref();
        Settings::lay(self.sources(file.map(|(_, file)| file.own_section()), is_of_product))
    }

    fn sources<'s>(&'s self, section: Option<Section<'s>>, is_of_product: bool) -> Sources<'s> {
        Sources {
            args: self.args,
            environment: self.environment,
            config_file: self.file.as_ref().map(|(path, _)| path),
            section,
            above: None,
            included: None,
            key: None,
            is_of_product,
        }
    }

    /// The app that `--app` or its variable names, if it has a table: by the table's name, or by its own.
    fn table_of_named(&self) -> Result<Option<Settings>, CliError> {
        let (Some(AppName(name)), Some((_, file))) = (&self.args.app, &self.file) else {
            return Ok(None);
        };
        let own_name = file.own_section().table.app.as_ref();
        if file.apps.is_empty() || own_name.is_some_and(|own| own.0.0 == *name) {
            return Ok(None);
        }
        let own = self.own(false)?;
        if file.apps.contains_key(name) {
            return self.of_table(file, name, &own, false).map(Some);
        }
        let mut found = Vec::new();
        for key in file.apps.keys() {
            let settings = self.of_table(file, key, &own, false)?;
            if settings.app.as_ref().is_some_and(|app| app.value == *name) {
                found.push(settings);
            }
        }
        let keys: Vec<&str> = found.iter().filter_map(|app| app.key.as_deref()).collect();
        if keys.len() > 1 {
            return Err(
                CliError::usage(format!("--app {name} may be one of several apps"))
                    .cause(format!("the tables {} have that name", keys.join(", ")))
                    .hint("name the table"),
            );
        }
        Ok(found.pop())
    }

    /// The app of `[apps.<key>]`.
    fn of_table(
        &self,
        file: &ConfigFile,
        key: &str,
        own: &Settings,
        is_of_product: bool,
    ) -> Result<Settings, CliError> {
        let table = format!("apps.{key}");
        if let Err(rule) = key.parse::<AppName>() {
            let refused = file.written.refuse(&table, &rule);
            return Err(refused.hint("give the table another name; app in it is the app's"));
        }
        let Some(section) = file.section(key) else {
            return Err(file.written.refuse(&table, "is missing").hint("add it"));
        };
        let named = Sourced::new(key.to_owned(), file.written.source(&table));
        let sources = Sources {
            above: Some(own),
            key: Some(&named),
            ..self.sources(Some(section), is_of_product)
        };
        let Some(config) = &section.table.config else {
            return Settings::lay(sources);
        };
        let refuse = |key: &str, rule: &str| file.written.refuse(&section.name(key), rule);
        if let Some(other) = section.beside_config() {
            let rule = "the app has its keys in the file that config names";
            return Err(refuse(&other, rule).hint("write the key there, or remove config"));
        }
        let included = Sourced::new(file.written.beside(config), section.source("config"));
        let path = |path: &Path| path.canonicalize().ok();
        if path(&file.written.path).is_some_and(|this| Some(this) == path(&included.value)) {
            let rule = "this is the file itself, whose own app needs no table";
            return Err(
                refuse("config", rule).hint(format!("remove [{table}], or name another file"))
            );
        }
        let other = ConfigFile::read(&included.value).map_err(|failure| {
            failure.hint(format!("check {}, which names this file", included.source))
        })?;
        Settings::lay(Sources {
            section: Some(other.own_section()),
            included: Some(&included),
            ..sources
        })
    }
}

/// The file to read, if any, and how it was found.
fn config_file(
    args: &Global,
    environment: &Environment,
) -> Result<Option<(Sourced<PathBuf>, ConfigFile)>, CliError> {
    let named = args.sourced("config", &args.config);
    let nearest = || {
        let found = file::find(&environment.dir)?;
        Some(Sourced::new(found, Source::Default("the nearest one")))
    };
    let Some(found) = named.or_else(nearest) else {
        return Ok(None);
    };
    let path = found.map(|path| environment.dir.join(path));
    let file = ConfigFile::read(&path.value).map_err(|failure| match &path.source {
        Source::Default(_) => failure,
        source => failure.hint(format!("check {source}, which names this file")),
    })?;
    Ok(Some((path, file)))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A folder with `shop/maintenance.toml`, and `billing/maintenance.toml` beside it.
    struct Scene {
        folder: TempDir,
        environment: Environment,
        args: Global,
    }

    impl Scene {
        fn new(shop: &str) -> Self {
            let folder = TempDir::new().unwrap();
            let dir = folder.path().join("shop");
            std::fs::create_dir(&dir).unwrap();
            let environment = Environment {
                dir,
                ..Environment::default()
            };
            let scene = Self {
                folder,
                environment,
                args: Global::default(),
            };
            scene.write("shop", shop);
            scene
        }

        fn write(&self, app: &str, text: &str) {
            let dir = self.folder.path().join(app);
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join(FILE_NAME), text).unwrap();
        }

        fn products(&self) -> Result<Vec<ProductSettings>, CliError> {
            Configuration::read(&self.args, &self.environment)?.products()
        }

        fn apps(&self) -> Vec<Settings> {
            self.products().unwrap().remove(0).apps
        }
    }

    fn shown<T: std::fmt::Display>(value: &Option<Sourced<T>>) -> String {
        let shown = value.as_ref().map(|it| it.value.to_string());
        shown.unwrap_or_default()
    }

    #[test]
    fn an_app_of_a_table_has_what_the_file_has_unless_it_says_otherwise() {
        let scene = Scene::new(
            r#"app = "shop"
env = "prod"
region = "us-east-1"
profile = "shop"
rate = 2
[store]
prefix = "/acme"
[products.shop]
title = "Shop"
version = "2.4.1"
apps = ["shop", "billing", "search", "mail"]
[apps.billing]
roles.worker.functions = ["billing-prod-*"]
[apps.search]
app = "finder"
profile = "search"
rate = 5
store.kind = "file"
[apps.mail]
region = "eu-west-1"
"#,
        );
        let product = scene.products().unwrap().remove(0);
        assert_eq!(product.id.as_str(), "shop");
        assert_eq!(product.environment, "prod");
        assert_eq!(shown(&product.title), "Shop");
        assert_eq!(shown(&product.version), "2.4.1");
        let names = product
            .apps
            .iter()
            .map(|app| app.app().unwrap().to_string());
        let names: Vec<_> = names.collect();
        assert_eq!(
            names,
            ["shop-prod", "billing-prod", "finder-prod", "mail-prod"]
        );
        let place = |app: &Settings| (shown(&app.profile), shown(&app.region), app.rate.value.0);
        let [shop, billing, search, mail] = product.apps.as_slice() else {
            panic!("four apps");
        };
        let of_file = ("shop".to_owned(), "us-east-1".to_owned(), 2.0);
        assert_eq!(place(shop), of_file);
        assert_eq!(place(billing), of_file);
        // A profile brings its own region.
        assert_eq!(place(search), ("search".to_owned(), String::new(), 5.0));
        assert_eq!(
            place(mail),
            ("shop".to_owned(), "eu-west-1".to_owned(), 2.0)
        );
        assert_eq!(billing.prefix.value.as_str(), "/acme");
        assert_eq!(search.prefix.value.as_str(), "/maintenance");
        assert!(matches!(
            search.store.value,
            crate::values::StoreChoice::File(_)
        ));
        // The roles of an app are its own.
        assert!(billing.roles[1].selects_functions() && !shop.roles[1].selects_functions());
    }

    #[test]
    fn an_included_file_speaks_for_itself_but_for_the_environment() {
        let scene = Scene::new(
            "app = \"shop\"\nenv = \"prod\"\nrate = 2\nprofile = \"shop\"\n\
             [products.shop]\napps = [\"shop\", \"b\"]\n\
             [apps.b]\nconfig = \"../billing/maintenance.toml\"\n",
        );
        scene.write(
            "billing",
            "app = \"billing\"\nregion = \"eu-west-1\"\n[store]\nkind = \"file\"\n\
             [products.all]\napps = [\"nothing\"]\n[apps.x]\nconfig = \"../none.toml\"\n",
        );
        let billing = scene.apps().remove(1);
        assert_eq!(billing.app().unwrap().to_string(), "billing-prod");
        assert_eq!(billing.handle(), Some("b"));
        assert_eq!(shown(&billing.region), "eu-west-1");
        assert_eq!(billing.rate.value.0, 10.0);
        assert_eq!(billing.profile, None);
        let folder = scene.folder.path().join("billing/.maintenance");
        assert_eq!(
            billing.store.value.to_string(),
            format!("file:{}", folder.display())
        );
    }

    #[test]
    fn an_option_wins_over_every_file() {
        let mut scene = Scene::new(
            "app = \"shop\"\nenv = \"prod\"\nregion = \"us-east-1\"\n\
             [products.shop]\napps = [\"shop\", \"billing\"]\n\
             [apps.billing]\nconfig = \"../billing/maintenance.toml\"\n",
        );
        scene.write("billing", "env = \"dev\"\nregion = \"eu-west-1\"\n");
        scene.args.env = Some("test".parse().unwrap());
        scene.args.region = Some("eu-north-1".to_owned());
        for app in scene.apps() {
            assert_eq!(app.app().unwrap().env(), "test");
            assert_eq!(shown(&app.region), "eu-north-1");
        }
    }

    #[test]
    fn the_region_of_a_file_wins_over_that_of_the_sdk() {
        let mut scene = Scene::new(
            "app = \"shop\"\nenv = \"prod\"\n[products.shop]\napps = [\"shop\", \"billing\"]\n\
             [apps.billing]\nregion = \"eu-west-1\"\nprofile = \"billing\"\n",
        );
        for (name, value) in [("AWS_REGION", "us-east-1"), ("AWS_PROFILE", "mine")] {
            let variables = &mut scene.environment.variables;
            variables.insert(name.to_owned(), value.to_owned());
        }
        let apps = scene.apps();
        let place = |app: &Settings| (shown(&app.profile), shown(&app.region));
        assert_eq!(place(&apps[0]), ("mine".to_owned(), "us-east-1".to_owned()));
        assert_eq!(
            place(&apps[1]),
            ("billing".to_owned(), "eu-west-1".to_owned())
        );
        let told = |app: &Settings| (app.aws().profile, app.aws().region);
        assert_eq!(told(&apps[0]), (None, None));
        let given = (Some("billing".to_owned()), Some("eu-west-1".to_owned()));
        assert_eq!(told(&apps[1]), given);
    }

    #[test]
    fn an_app_of_a_table_is_named_by_the_table_or_by_its_own_name() {
        let mut scene = Scene::new(
            "app = \"shop\"\nenv = \"prod\"\n\
             [apps.eu]\napp = \"billing\"\nregion = \"eu-west-1\"\n\
             [apps.us]\napp = \"billing-us\"\n[apps.us-too]\napp = \"billing-us\"\n",
        );
        let mut app = |name: &str| {
            scene.args.app = Some(name.parse().unwrap());
            Configuration::read(&scene.args, &scene.environment)?.app()
        };
        for name in ["eu", "billing"] {
            let billing = app(name).unwrap();
            assert_eq!(billing.app().unwrap().to_string(), "billing-prod");
            assert_eq!(shown(&billing.region), "eu-west-1");
            assert_eq!(
                billing.app.as_ref().unwrap().source,
                Source::Flag("--app".to_owned())
            );
        }
        for name in ["shop", "other"] {
            let own = app(name).unwrap();
            assert_eq!(own.app().unwrap().name(), name);
            assert_eq!(own.key, None);
        }
        let several = app("billing-us").unwrap_err();
        assert_eq!(several.causes(), ["the tables us, us-too have that name"]);
    }

    #[test]
    fn what_a_product_cannot_be_names_its_line_its_key_and_its_rule() {
        let head = "app = \"shop\"\nenv = \"prod\"\n[products.shop]\n";
        for (rest, why, hint) in [
            ("", "line 3: products.shop: names no apps", "add apps"),
            (
                "apps = []",
                "line 4: products.shop.apps: must not be empty",
                "",
            ),
            (
                "apps = [\"shop\", \"biling\"]\n[apps.billing]",
                "line 4: products.shop.apps: there is no app biling",
                "did you mean billing?",
            ),
            (
                "apps = [\"search\"]\n[apps.billing]",
                "line 4: products.shop.apps: there is no app search",
                "add [apps.search]; the apps are shop, billing",
            ),
            (
                "apps = [\"shop\", \"shop\"]",
                "line 4: products.shop.apps: shop is named twice",
                "name it once",
            ),
            (
                "apps = [\"shop\", \"b\"]\n[apps.b]\napp = \"shop\"",
                "line 4: products.shop.apps: b is the app shop-prod, which is already named",
                "give one of them another app or env",
            ),
            (
                "apps = [\"shop\"]\n[apps.shop]",
                "line 5: apps.shop: the file's own app is called shop, too",
                "another name",
            ),
            (
                "apps = [\"shop\", \"billing\"]\n[apps.billing]\nenv = \"dev\"",
                "line 4: products.shop.apps: the env of shop is prod",
                "a product has the apps of one environment",
            ),
            (
                "apps = [\"billing\"]\n[apps.billing]\nconfig = \"maintenance.toml\"",
                "line 6: apps.billing.config: this is the file itself",
                "remove [apps.billing]",
            ),
            (
                "apps = [\"billing\"]\n[apps.billing]\nconfig = \"x.toml\"\nrate = 2",
                "line 7: apps.billing.rate: the app has its keys in the file that config names",
                "remove config",
            ),
            (
                "apps = [\"billing\"]\n[apps.billing]\nregoin = \"x\"",
                "line 6: there is no key \"apps.billing.regoin\"",
                "did you mean region?",
            ),
            (
                "apps = [\"billing\"]\n[apps.billing]\nregion = \"\"",
                "line 6: apps.billing.region: must not be empty",
                "",
            ),
            (
                "apps = [\"billing\"]\n[apps.billing]\nstore.path = \"x\"",
                "line 6: apps.billing.store.path: only a file store has a path",
                "",
            ),
            (
                "titel = \"x\"",
                "line 4: there is no key \"products.shop.titel\"",
                "did you mean title?",
            ),
        ] {
            let scene = Scene::new(&format!("{head}{rest}\n"));
            let refused = scene.products().unwrap_err();
            let (causes, hints) = (refused.causes().join(" / "), refused.hints().join(" / "));
            assert!(causes.starts_with(why), "{rest}: {causes}");
            assert!(!hints.is_empty() && hints.contains(hint), "{rest}: {hints}");
            assert_eq!(refused.outcome().code(), 2);
        }
        let refused = Scene::new("[products.Shop]\napps = [\"x\"]\n").products();
        let causes = refused.unwrap_err().causes().join(" / ");
        assert!(
            causes.starts_with("line 1: products.Shop: it may hold only lower-case"),
            "{causes}"
        );
    }

    #[test]
    fn an_included_file_that_cannot_be_read_says_who_names_it() {
        let scene = Scene::new(
            "app = \"shop\"\nenv = \"prod\"\n[products.shop]\napps = [\"shop\", \"billing\"]\n\
             [apps.billing]\nconfig = \"../billing/maintenance.toml\"\n",
        );
        let named = scene.folder.path().join("shop/maintenance.toml:6");
        let named = format!("check {}, which names this file", named.display());
        let missing = scene.products().unwrap_err();
        assert!(
            missing.message().contains("billing/maintenance.toml"),
            "{missing:?}"
        );
        assert!(missing.hints().contains(&named), "{missing:?}");
        scene.write("billing", "app = 3\n");
        let broken = scene.products().unwrap_err();
        assert!(broken.causes()[0].starts_with("line 1: app: expected a string"));
        assert!(broken.hints().contains(&named), "{broken:?}");
        // The file's own app works all the same.
        let own = Configuration::read(&scene.args, &scene.environment);
        assert!(own.unwrap().app().is_ok());
    }
}
