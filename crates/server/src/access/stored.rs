//! The tokens and sessions of an app, as its parameter store has them.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use maintenance_control::{Clock, Created, Store, StoreError};
use maintenance_flag::{
    AccessId, AccessKind, AccessSecret, AccessToken, App, DecodeError, Parameters, Prefix, Product,
    Scope, Session, TokenName,
};

/// How long a token that has ended stays listed.
const KEEP_ENDED: Duration = Duration::from_hours(90 * 24);

/// Why a token could not be made, listed or revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The parameter store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A valid token has this name.
    #[error("there is a token {name} already: {id}")]
    NameTaken {
        /// The name.
        name: TokenName,
        /// The token that has it.
        id: AccessId,
    },
    /// There is no such token.
    #[error("there is no token {wanted}")]
    NotFound {
        /// The id or name that was looked for.
        wanted: String,
        /// The names of the valid ones.
        names: Vec<String>,
    },
    /// It would end before it begins.
    #[error("the token would have ended at {expires}")]
    Ended {
        /// When it would end, UTC.
        expires: Timestamp,
    },
    /// The scope `observe` needs the name of the observer, and no other scope takes one.
    #[error("an observer is named for the scope observe, and for no other")]
    Observer,
    /// The operating system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is called. No other valid token may have that name.
    pub name: TokenName,
    /// What it is for.
    pub scope: Scope,
    /// The observer that it acts as: with scope `observe`, and only then.
    pub observer: Option<String>,
    /// The only products it is for. None: all.
    pub products: Option<BTreeSet<Product>>,
    /// When it ends, UTC.
    pub expires: Option<Timestamp>,
    /// Who makes it: `ana@laptop`.
    pub by: String,
}

/// A token as it is listed.
#[derive(Debug, Clone)]
pub struct ListedToken {
    /// Its id.
    pub id: AccessId,
    /// What is stored of it, or why that cannot be read: then it lets no caller in.
    pub token: Result<AccessToken, DecodeError>,
}

/// What revoking a token did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// It is revoked now.
    Revoked,
    /// It was revoked before. Nothing was changed.
    Already,
    /// It could not be read, and is deleted.
    Deleted,
}

/// The tokens and sessions of the app of the server's own configuration.
#[derive(Debug, Clone)]
pub struct AccessStore {
    store: Store,
    pub(super) app: App,
    names: Parameters,
    pub(super) clock: Clock,
}

impl AccessStore {
    /// Those of this app, below the prefix of its store.
    #[must_use]
    pub fn new(store: Store, prefix: &Prefix, app: App) -> Self {
        Self {
            store,
            names: Parameters::new(prefix, &app),
            app,
            clock: Clock::System,
        }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// All tokens, the newest last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens(&self) -> Result<Vec<ListedToken>, StoreError> {
        let mut tokens: Vec<_> = self
            .list(AccessKind::Token, AccessToken::decode)
            .await?
            .into_iter()
            .map(|(id, token)| ListedToken { id, token })
            .collect();
        tokens.sort_by_key(|it| it.token.as_ref().ok().map(|token| token.created));
        Ok(tokens)
    }

    pub(super) async fn sessions(
        &self,
    ) -> Result<Vec<(AccessId, Result<Session, DecodeError>)>, StoreError> {
        self.list(AccessKind::Session, Session::decode).await
    }

    async fn list<T>(
        &self,
        kind: AccessKind,
        decode: fn(&str) -> Result<T, DecodeError>,
    ) -> Result<Vec<(AccessId, Result<T, DecodeError>)>, StoreError> {
        let found = self.store.list(&self.names.accesses(kind)).await?;
        let read = found.into_iter().filter_map(|(name, stored)| {
            let id = self.names.parse_access(kind, &name)?;
            Some((id, decode(&stored.value)))
        });
        Ok(read.collect())
    }

    /// Makes a token. Tokens that ended long ago are removed on this occasion.
    ///
    /// # Errors
    /// [`TokenError`]. Then none was made.
    pub async fn create(&self, new: NewToken) -> Result<(AccessSecret, AccessToken), TokenError> {
        let now = self.clock.now();
        if let Some(expires) = new.expires.filter(|expires| *expires <= now) {
            return Err(TokenError::Ended { expires });
        }
        if (new.scope == Scope::Observe) != new.observer.is_some() {
            return Err(TokenError::Observer);
        }
        let tokens = self.tokens().await?;
        for ListedToken { id, token } in &tokens {
            if let Ok(token) = token
                && token.name == new.name
                && token.is_valid(now)
            {
                let (name, id) = (new.name, id.clone());
                return Err(TokenError::NameTaken { name, id });
            }
        }
        let secret = random(AccessKind::Token)?;
        let token = AccessToken {
            name: new.name,
            scope: new.scope,
            observer: new.observer,
            products: new.products,
            hash: secret.hash(&self.app),
            created: now,
            by: new.by,
            expires: new.expires,
            revoked: None,
            unknown: Default::default(),
        };
        self.put(AccessKind::Token, &secret, &token.encode())
            .await?;
        let long_ended = |it: &ListedToken| {
            let ended = it.token.as_ref().ok().and_then(ended_at);
            ended.is_some_and(|at| {
                at.duration_until(now) > KEEP_ENDED.try_into().unwrap_or_default()
            })
        };
        let long_ended: Vec<_> = tokens.into_iter().filter(long_ended).collect();
        let ids = long_ended.iter().map(|it| &it.id);
        // It is made; what is left over is removed the next time.
        if let Err(error) = self.delete(AccessKind::Token, ids).await {
            tracing::warn!(%error, "tokens that ended long ago could not be removed");
        }
        Ok((secret, token))
    }

    /// Revokes the valid token of this id or name. One that cannot be read is deleted: by its id.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn revoke(&self, wanted: &str) -> Result<(ListedToken, Revocation), TokenError> {
        let now = self.clock.now();
        let tokens = self.tokens().await?;
        let is_valid = |it: &&ListedToken| it.token.as_ref().is_ok_and(|it| it.is_valid(now));
        let by_id = tokens.iter().find(|it| it.id.as_str() == wanted);
        let by_name = || {
            let mut named = tokens.iter().filter(is_valid);
            named.find(|it| matches!(&it.token, Ok(token) if token.name.as_str() == wanted))
        };
        let Some(found) = by_id.or_else(by_name) else {
            let valid = tokens.iter().filter(is_valid);
            let names = valid.filter_map(|it| Some(it.token.as_ref().ok()?.name.to_string()));
            return Err(TokenError::NotFound {
                wanted: wanted.to_owned(),
                names: names.collect(),
            });
        };
        let mut found = found.clone();
        let done = match &mut found.token {
            Ok(token) if token.revoked.is_none() => {
                token.revoked = Some(now);
                let name = self.names.access(AccessKind::Token, &found.id);
                self.store
                    .replace(&name, &token.encode(), None, None)
                    .await?;
                Revocation::Revoked
            }
            Ok(_) => Revocation::Already,
            Err(_) => {
                self.delete(AccessKind::Token, [&found.id]).await?;
                Revocation::Deleted
            }
        };
        Ok((found, done))
    }

    /// Begins a session of a token.
    pub(super) async fn begin(
        &self,
        token: &AccessId,
        lasts: Duration,
    ) -> Result<(AccessSecret, Session), TokenError> {
        let now = self.clock.now();
        let secret = random(AccessKind::Session)?;
        let session = Session {
            token: token.clone(),
            hash: secret.hash(&self.app),
            created: now,
            expires: now.checked_add(lasts).unwrap_or(now),
        };
        self.put(AccessKind::Session, &secret, &session.encode())
            .await?;
        Ok((secret, session))
    }

    pub(super) async fn delete(
        &self,
        kind: AccessKind,
        ids: impl IntoIterator<Item = &AccessId>,
    ) -> Result<(), StoreError> {
        let names = ids.into_iter().map(|id| self.names.access(kind, id));
        let names: Vec<String> = names.collect();
        self.store.delete(&names, None).await
    }

    async fn put(
        &self,
        kind: AccessKind,
        secret: &AccessSecret,
        document: &str,
    ) -> Result<(), TokenError> {
        let name = self.names.access(kind, secret.id());
        match self.store.create(&name, document, None).await? {
            Created::New => Ok(()),
            // Two of 2^50: the generator is broken, and must not be asked again.
            Created::Exists(_) => Err(TokenError::Random("it repeats itself".to_owned())),
        }
    }
}

/// When a token ended or will end.
fn ended_at(token: &AccessToken) -> Option<Timestamp> {
    token.revoked.into_iter().chain(token.expires).min()
}

fn random(kind: AccessKind) -> Result<AccessSecret, TokenError> {
    let mut random = [0; AccessSecret::RANDOM];
    getrandom::fill(&mut random).map_err(|error| TokenError::Random(error.to_string()))?;
    Ok(AccessSecret::from_random(kind, random))
}
