//! Who makes a request, and what they may do.

use std::collections::BTreeSet;

use maintenance_control::Actor;
use maintenance_flag::{AccessId, Product, Scope};

use crate::problem::{Code, Problem};

/// Who makes a request, as authentication has found out. A handler takes it as an extractor: every route
/// that [`Access::protect`](super::Access::protect) gets as a private one has a caller, or is not called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub(super) name: String,
    pub(super) scope: Scope,
    /// None: every product.
    pub(super) products: Option<BTreeSet<Product>>,
    /// The observer that a caller of scope `observe` acts as.
    pub(super) observer: Option<String>,
    /// Its token, or that of its session. None: a proxy names it.
    pub(super) token: Option<AccessId>,
    /// The session, if it signed in at the console.
    pub(super) session: Option<AccessId>,
}

impl Caller {
    /// The clock, which turns maintenance on and off by the schedule.
    pub(crate) fn clock() -> Self {
        Self {
            name: "schedule".to_owned(),
            scope: Scope::Write,
            products: None,
            observer: None,
            token: None,
            session: None,
        }
    }

    /// An observer that this server runs itself.
    #[must_use]
    pub(crate) fn of_observer(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            scope: Scope::Observe,
            products: None,
            observer: Some(name.to_owned()),
            token: None,
            session: None,
        }
    }

    /// The name of the token or of the user: what is shown.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who is recorded as having made a change.
    #[must_use]
    pub fn by(&self) -> &str {
        &self.name
    }

    /// Its token, or the one that it signed in with: another one may have the same name. None: a proxy names it.
    #[must_use]
    pub fn token(&self) -> Option<&AccessId> {
        self.token.as_ref()
    }

    /// What the token is for.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The only products that it may see and change. None: all, and apps of no product.
    #[must_use]
    pub fn products(&self) -> Option<&BTreeSet<Product>> {
        self.products.as_ref()
    }

    /// Whose window an operation of this caller opens and may close.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match &self.observer {
            Some(observer) => Actor::Observer(observer.clone()),
            None => Actor::Person,
        }
    }

    /// Whether it signed in at the console, and may sign out.
    #[must_use]
    pub fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// Whether it may see this product.
    #[must_use]
    pub fn may_read(&self, product: &Product) -> bool {
        self.products
            .as_ref()
            .is_none_or(|products| products.contains(product))
    }

    /// Whether it may turn maintenance of this product on and off.
    #[must_use]
    pub fn may_write(&self, product: &Product) -> bool {
        self.may_change() && self.may_read(product)
    }

    /// Whether it may see what belongs to no product.
    #[must_use]
    pub fn may_read_all(&self) -> bool {
        self.products.is_none()
    }

    /// Whether it may turn maintenance on and off of what belongs to no product.
    #[must_use]
    pub fn may_write_all(&self) -> bool {
        self.may_change() && self.may_read_all()
    }

    /// Whether it may override an observer: a person may, an observer may not.
    #[must_use]
    pub fn may_force(&self, product: &Product) -> bool {
        self.scope == Scope::Write && self.may_read(product)
    }

    fn may_change(&self) -> bool {
        match self.scope {
            Scope::Read => false,
            Scope::Write | Scope::Observe => true,
        }
    }

    /// Refuses a caller that may not see this product.
    ///
    /// # Errors
    /// 403, with the permission that is missing.
    pub fn check_read(&self, product: &Product) -> Result<(), Problem> {
        if self.may_read(product) {
            return Ok(());
        }
        Err(self.lacks_product(product.as_str()))
    }

    /// Refuses a caller that may not turn maintenance of this product on and off.
    ///
    /// # Errors
    /// 403, with the permission that is missing.
    pub fn check_write(&self, product: &Product) -> Result<(), Problem> {
        self.check_read(product)?;
        self.check_change()
    }

    /// Refuses a caller that may not see what belongs to no product.
    ///
    /// # Errors
    /// 403, with the permission that is missing.
    pub fn check_read_all(&self) -> Result<(), Problem> {
        if self.may_read_all() {
            return Ok(());
        }
        Err(self.lacks_product("*"))
    }

    /// Refuses a caller that may not override an observer.
    ///
    /// # Errors
    /// 403, with the permission that is missing.
    pub fn check_force(&self, product: &Product) -> Result<(), Problem> {
        self.check_read(product)?;
        if self.scope == Scope::Write {
            return Ok(());
        }
        Err(self.lacks_scope())
    }

    fn check_change(&self) -> Result<(), Problem> {
        if self.may_change() {
            return Ok(());
        }
        Err(self.lacks_scope())
    }

    fn lacks_scope(&self) -> Problem {
        let Self { name, scope, .. } = self;
        let detail = format!("{name} has scope {scope}, and this needs scope write");
        Problem::new(Code::Forbidden, detail).with("missing", "write")
    }

    fn lacks_product(&self, product: &str) -> Problem {
        let name = &self.name;
        let detail = match product {
            "*" => format!("{name} is limited to some products, and this belongs to none of them"),
            product => format!("{name} is limited to other products than {product}"),
        };
        Problem::new(Code::Forbidden, detail).with("missing", format!("product:{product}"))
    }
}

/// A request without a caller.
pub(crate) fn unauthorized() -> Problem {
    Problem::new(
        Code::Unauthorized,
        "this needs a token: make one with `maintenance token new`, and send it as Authorization: Bearer TOKEN",
    )
}
