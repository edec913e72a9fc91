//! Access to the server: tokens and the sessions that people begin with them, as stored.
//!
//! Both are a secret with an id. The id is the name of the parameter; of the secret only a hash is stored.
//! They are of one app, that of the server's own configuration: the hash has the app in it, so that
//! a document copied to another app's parameters lets no caller in there.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::bypass::{Token, TokenHash};
use crate::document::{self, DecodeError, Fields, SCHEMA};
use crate::names::{AccessId, AccessKind, App, Product, TokenName};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// To see how things stand.
    Read,
    /// To turn maintenance on and off as a person, or for one.
    Write,
    /// To do so as an observer, which closes its own windows only.
    Observe,
}

impl Scope {
    /// As it is stored and printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Observe => "observe",
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            "observe" => Ok(Self::Observe),
            _ => Err("must be read, write or observe".to_owned()),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text of a token or of a session's cookie: `mnt_<id>_<secret>`, `mns_<id>_<secret>`. It is shown once
/// and never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessSecret {
    kind: AccessKind,
    id: AccessId,
    secret: Token,
}

impl AccessSecret {
    /// How many random bytes one takes.
    pub const RANDOM: usize = AccessId::LEN + Token::LEN;

    /// A secret of these random bytes.
    #[must_use]
    pub fn from_random(kind: AccessKind, random: [u8; Self::RANDOM]) -> Self {
        let (mut id, mut secret) = ([0; AccessId::LEN], [0; Token::LEN]);
        let from = random.iter();
        for (to, from) in id.iter_mut().chain(&mut secret).zip(from) {
            *to = *from;
        }
        Self {
            kind,
            id: AccessId::from_random(id),
            secret: Token::from_random(secret),
        }
    }

    /// Reads what a client sent. None if it cannot be one of this kind.
    #[must_use]
    pub fn parse(kind: AccessKind, text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(kind.mark())?.split_once('_')?;
        Some(Self {
            kind,
            id: id.parse().ok()?,
            secret: Token::parse(secret)?,
        })
    }

    /// Under which id it is stored.
    #[must_use]
    pub fn id(&self) -> &AccessId {
        &self.id
    }

    /// What is stored of it, for this app.
    #[must_use]
    pub fn hash(&self, app: &App) -> TokenHash {
        TokenHash::of(&app.to_string(), &self.place(), self.secret.reveal())
    }

    /// Whether this is the stored hash of it, in a time that does not tell how much of it is right.
    #[must_use]
    pub fn matches(&self, app: &App, hash: &TokenHash) -> bool {
        hash.matches(&app.to_string(), &self.place(), self.secret.reveal())
    }

    /// The secret itself, for the person who asked for it, or for the cookie.
    #[must_use]
    pub fn reveal(&self) -> String {
        let Self { kind, id, secret } = self;
        format!("{}{id}_{}", kind.mark(), secret.reveal())
    }

    /// What a hash is bound to besides the app, where that of a bypass link has a role: a role holds no `/`.
    fn place(&self) -> String {
        format!("{}/{}", self.kind.folder(), self.id)
    }
}

impl fmt::Debug for AccessSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessSecret({}{}_…)", self.kind.mark(), self.id)
    }
}

/// A token as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessToken {
    /// What it is called, and who stands in `by`: `release-bot`. Unique among the valid ones.
    pub name: TokenName,
    /// What it is for.
    pub scope: Scope,
    /// The observer that it acts as: with scope `observe`, and only then.
    pub observer: Option<String>,
    /// The only products it is for. None: all, and apps of no product.
    pub products: Option<BTreeSet<Product>>,
    /// Recognises it.
    pub hash: TokenHash,
    /// When it was made, UTC.
    pub created: Timestamp,
    /// Who made it: `ana@laptop`.
    pub by: String,
    /// When it ends, UTC. None: when it is revoked.
    pub expires: Option<Timestamp>,
    /// When it was revoked, UTC.
    pub revoked: Option<Timestamp>,
    /// Fields of a later version, kept on rewriting.
    pub unknown: Map<String, Value>,
}

/// A session as stored: it may do what its token may, while that is valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// The token that it was begun with.
    pub token: AccessId,
    /// Recognises it.
    pub hash: TokenHash,
    /// When it began, UTC.
    pub created: Timestamp,
    /// When it ends, UTC.
    pub expires: Timestamp,
}

/// Reads the fields that a document has to have.
fn read(text: &str) -> Result<Fields, DecodeError> {
    let (fields, schema) = Fields::read(text)?;
    // A later version may restrict a token in a way that this one does not know.
    if schema > SCHEMA {
        return Err(DecodeError::NewerSchema { schema });
    }
    Ok(fields)
}

fn needed<T>(key: &str, field: Option<T>) -> Result<T, DecodeError> {
    field.ok_or_else(|| DecodeError::malformed(format!("it has no {key:?}")))
}

fn hash(fields: &mut Fields) -> Result<TokenHash, DecodeError> {
    let hash = fields.parsed("hash", "a SHA-256 hash", TokenHash::parse)?;
    needed("hash", hash)
}

impl AccessToken {
    /// Whether it lets its holder in at this time.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }

    /// Reads a stored token. One that is not understood in full is none: it must not give more than it was
    /// made for.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let mut fields = read(text)?;
        let name = fields.parsed("name", "a token's name", |text| text.parse().ok())?;
        let scope = fields.parsed("scope", "read, write or observe", |text| text.parse().ok())?;
        let (scope, observer) = (needed("scope", scope)?, fields.text("observer")?);
        if (scope == Scope::Observe) != observer.is_some() {
            let reason = "\"observer\" belongs to the scope observe, and to no other";
            return Err(DecodeError::malformed(reason));
        }
        let products = match fields.take("products") {
            None => None,
            Some(Value::Array(products)) => {
                let products = products.iter().map(|it| it.as_str()?.parse().ok());
                let products: Option<BTreeSet<_>> = products.collect();
                let bad = || DecodeError::malformed("\"products\" are not ids of products");
                Some(products.ok_or_else(bad)?)
            }
            Some(_) => return Err(DecodeError::malformed("\"products\" is not a list")),
        };
        Ok(Self {
            name: needed("name", name)?,
            scope,
            observer,
            products,
            hash: hash(&mut fields)?,
            created: needed("created", fields.timestamp("created")?)?,
            by: needed("by", fields.text("by")?)?,
            expires: fields.timestamp("expires")?,
            revoked: fields.timestamp("revoked")?,
            unknown: fields.rest(),
        })
    }

    /// The bytes to store.
    #[must_use]
    pub fn encode(&self) -> String {
        let products = self.products.as_ref();
        let products = products.map(|them| them.iter().map(Product::as_str).collect::<Vec<_>>());
        let mut map = document::object(json!({
            "schema": SCHEMA,
            "name": self.name.as_str(),
            "scope": self.scope.as_str(),
            "observer": self.observer,
            "products": products,
            "hash": self.hash.to_string(),
            "created": self.created.to_string(),
            "by": self.by,
            "expires": self.expires.map(|time| time.to_string()),
            "revoked": self.revoked.map(|time| time.to_string()),
        }));
        for (key, value) in &self.unknown {
            map.entry(key.clone()).or_insert_with(|| value.clone());
        }
        document::write(map)
    }
}

impl Session {
    /// Reads a stored session.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let mut fields = read(text)?;
        let token = fields.parsed("token", "a token's id", |text| text.parse().ok())?;
        Ok(Self {
            token: needed("token", token)?,
            hash: hash(&mut fields)?,
            created: needed("created", fields.timestamp("created")?)?,
            expires: needed("expires", fields.timestamp("expires")?)?,
        })
    }

    /// The bytes to store.
    #[must_use]
    pub fn encode(&self) -> String {
        document::write(document::object(json!({
            "schema": SCHEMA,
            "token": self.token.as_str(),
            "hash": self.hash.to_string(),
            "created": self.created.to_string(),
            "expires": self.expires.to_string(),
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(env: &str) -> App {
        App::new("demo", env).unwrap()
    }

    fn secret(kind: AccessKind) -> AccessSecret {
        AccessSecret::from_random(kind, [7; AccessSecret::RANDOM])
    }

    #[test]
    fn a_secret_is_read_back_from_its_text_and_from_no_other() {
        let token = secret(AccessKind::Token);
        let text = token.reveal();
        assert_eq!(text.len(), 4 + 10 + 1 + 43);
        assert!(text.starts_with("mnt_7777777777_"), "{text}");
        assert_eq!(
            AccessSecret::parse(AccessKind::Token, &text),
            Some(token.clone())
        );
        let short = &text[..text.len() - 1];
        for bad in [
            "",
            "mnt_",
            short,
            &format!("{text}x"),
            &format!(" {text}"),
            &format!("{text}\n"),
            &format!("{short}+"),
            &text.replace("mnt_", "mnt"),
            &text.replace("mnt_", "MNT_"),
            &text.replace("mnt_7", "mnt_i"),
            &text.replace("mnt_7", "mnt_../"),
            &secret(AccessKind::Session).reveal(),
        ] {
            assert_eq!(AccessSecret::parse(AccessKind::Token, bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_hash_is_of_one_secret_kind_id_and_app() {
        let token = secret(AccessKind::Token);
        let hash = token.hash(&app("dev"));
        assert!(token.matches(&app("dev"), &hash));
        assert!(!token.matches(&app("prod"), &hash));
        assert!(!secret(AccessKind::Session).matches(&app("dev"), &hash));
        for change in [0, AccessId::LEN] {
            let mut random = [7; AccessSecret::RANDOM];
            random[change] = 8;
            let other = AccessSecret::from_random(AccessKind::Token, random);
            assert!(!other.matches(&app("dev"), &hash));
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_accident() {
        let token = secret(AccessKind::Token);
        assert_eq!(format!("{token:?}"), "AccessSecret(mnt_7777777777_…)");
    }

    #[test]
    fn a_token_that_is_not_understood_in_full_is_none() {
        let hash = secret(AccessKind::Token).hash(&app("dev"));
        let good = json!({
            "schema": 1, "name": "bot", "scope": "write", "hash": hash.to_string(),
            "created": "2026-11-21T08:00:00Z", "by": "ana@laptop",
        });
        assert!(AccessToken::decode(&good.to_string()).is_ok());
        for (key, value) in [
            ("schema", json!(2)),
            ("name", json!("bot\nHost: x")),
            ("scope", json!("admin")),
            ("scope", json!("observe")),
            ("observer", json!("health")),
            ("products", json!("shop")),
            ("products", json!(["Shop!"])),
            ("products", json!([1])),
            ("hash", json!("sha256:00")),
            ("expires", json!("soon")),
            ("expires", json!(17)),
            ("revoked", json!(true)),
        ] {
            let mut bad = good.clone();
            bad[key] = value;
            let decoded = AccessToken::decode(&bad.to_string());
            assert!(decoded.is_err(), "{bad}");
        }
        for key in ["name", "scope", "hash", "created", "by"] {
            let mut bad = good.clone();
            bad.as_object_mut().unwrap().shift_remove(key);
            assert!(AccessToken::decode(&bad.to_string()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_empty_list_of_products_is_none_of_them_and_not_all() {
        let hash = secret(AccessKind::Token).hash(&app("dev"));
        let token = AccessToken {
            name: "bot".parse().unwrap(),
            scope: Scope::Write,
            observer: None,
            products: Some(BTreeSet::new()),
            hash,
            created: "2026-11-21T08:00:00Z".parse().unwrap(),
            by: "ana".to_owned(),
            expires: None,
            revoked: None,
            unknown: Map::new(),
        };
        assert_eq!(AccessToken::decode(&token.encode()), Ok(token));
    }
}
