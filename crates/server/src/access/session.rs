//! Sessions of the console: a person signs in with a token and holds a cookie.
//!
//! A session is stored as a token is, by its hash, so that it survives a restart and counts at every
//! instance of the server. It may do what its token may and ends with it. It is sent as a cookie and never
//! as a token, nor a token as a cookie.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use maintenance_flag::{AccessId, AccessKind};

use super::caller::Caller;
use super::known::Known;
use super::{Access, ClientAddress, TokenError, audit};
use crate::problem::{Code, Problem};

/// How long a session lasts.
const LASTS: Duration = Duration::from_hours(12);
/// Sessions of one token at the same time. The oldest ends when one more begins.
const MOST: usize = 20;

/// The cookie's name where it is sent by HTTPS only. Browsers take this prefix from the host itself alone, and
/// not from another one of its domain [RFC 6265bis, section 4.1.3.2].
const SECURE_NAME: &str = "__Host-maintenance";
const PLAIN_NAME: &str = "maintenance";

/// The cookie's value.
pub(super) fn of_cookie(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == cookie_name(secure)).then_some(value))
}

fn cookie_name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { PLAIN_NAME }
}

fn set_cookie(value: &str, age: Duration, secure: bool) -> HeaderValue {
    let name = cookie_name(secure);
    let age = age.as_secs();
    let secure = if secure { "; Secure" } else { "" };
    let cookie =
        format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    // The text of a session is of letters, digits, `_` and `-`.
    let mut cookie = HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""));
    cookie.set_sensitive(true);
    cookie
}

impl Access {
    /// Signs a person in with a token. The answer is the value of a `Set-Cookie` header.
    ///
    /// # Errors
    /// 401 if the token is not valid, 429 after too many that were not, 503 if the store does not answer.
    pub async fn sign_in(
        &self,
        client: ClientAddress,
        token: &str,
    ) -> Result<HeaderValue, Problem> {
        let (token, mut caller) = self.with_token(client, token.trim()).await?;
        let begun = self.0.stored.begin(&token, LASTS).await;
        let (cookie, session) = begun.map_err(unavailable)?;
        self.0.cache.set(cookie.id(), Some(&session));
        caller.session = Some(cookie.id().clone());
        audit::session(&caller, client.0, "signed in");
        self.clean_up(&token, session.created).await;
        Ok(set_cookie(&cookie.reveal(), LASTS, self.0.options.secure))
    }

    /// Ends the caller's session. The answer is the value of a `Set-Cookie` header that removes the cookie.
    ///
    /// # Errors
    /// 503 if the store does not answer: then the session goes on.
    pub async fn sign_out(
        &self,
        client: ClientAddress,
        caller: &Caller,
    ) -> Result<HeaderValue, Problem> {
        if let Some(session) = &caller.session {
            let ended = self.0.stored.delete(AccessKind::Session, [session]).await;
            ended.map_err(|error| unavailable(error.into()))?;
            self.0.cache.set(session, None);
            audit::session(caller, client.0, "signed out");
        }
        Ok(set_cookie("", Duration::ZERO, self.0.options.secure))
    }

    /// Removes sessions that have ended, and the oldest of a token that has too many.
    async fn clean_up(&self, token: &AccessId, now: Timestamp) {
        let both = |known: &Known| Some((known.sessions.clone(), known.tokens.clone()));
        let Ok(Some((mut others, tokens))) = self.0.cache.find(both).await else {
            return;
        };
        let is_over = |session: &maintenance_flag::Session| {
            session.expires <= now
                || tokens
                    .get(&session.token)
                    .is_none_or(|token| !token.is_valid(now))
        };
        let mut over: Vec<AccessId> = Vec::new();
        others.retain(|id, session| {
            if is_over(session) {
                over.push(id.clone());
            }
            !is_over(session) && session.token == *token
        });
        let mut mine: Vec<_> = others
            .into_iter()
            .map(|(id, it)| (it.created, id))
            .collect();
        mine.sort();
        let too_many = mine.len().saturating_sub(MOST);
        over.extend(mine.into_iter().take(too_many).map(|(_, id)| id));
        if over.is_empty() {
            return;
        }
        match self.0.stored.delete(AccessKind::Session, &over).await {
            Ok(()) => over.iter().for_each(|id| self.0.cache.set(id, None)),
            // The next sign-in tries again.
            Err(error) => tracing::warn!(%error, "sessions that have ended could not be removed"),
        }
    }
}

fn unavailable(error: TokenError) -> Problem {
    let error: &dyn std::error::Error = &error;
    tracing::warn!(error, "a session could not be stored");
    let detail = "the session cannot be stored just now; try again in a moment";
    Problem::new(Code::Aws, detail)
}
