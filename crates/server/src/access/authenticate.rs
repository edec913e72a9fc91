//! From a request's head to its caller.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, header};
use maintenance_flag::{AccessId, AccessKind, AccessSecret, AccessToken};

use super::caller::Caller;
use super::failures::TooMany;
use super::known::Known;
use super::{Access, ClientAddress, audit, session};
use crate::problem::{Code, Problem};

/// How often it is looked at whether a token or session is still valid whose answer goes on.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How long an answer to a proxy's user may go on.
const PROXIED_FOR: Duration = Duration::from_hours(1);

/// The text after `Authorization: Bearer`. Another scheme is that of a proxy in front, and none of ours.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).into_iter();
    values.find_map(|value| {
        // What is not ASCII is a token, and a wrong one.
        let value = value.to_str().unwrap_or("Bearer ?");
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(token.trim())
    })
}

impl Access {
    /// Who makes this request. None: it shows nothing.
    pub(super) async fn caller(
        &self,
        headers: &HeaderMap,
        client: ClientAddress,
    ) -> Result<Option<Caller>, Problem> {
        if let Some(text) = bearer(headers) {
            return self
                .with_token(client, text)
                .await
                .map(|(_, caller)| Some(caller));
        }
        // A session that has ended is usual: the person signs in again.
        if let Some(secret) = self.session(headers)
            && let Some(caller) = self.of_session(&secret).await?
        {
            return Ok(Some(caller));
        }
        let Some(proxy) = &self.0.proxy else {
            return Ok(None);
        };
        let person = proxy.caller(headers, self.0.stored.clock.now()).await;
        person.inspect_err(|problem| {
            let why = "the person whom the proxy names cannot be used";
            audit::refused(client.0, problem.code.status(), why);
        })
    }

    fn session(&self, headers: &HeaderMap) -> Option<AccessSecret> {
        let text = session::of_cookie(headers, self.0.options.secure)?;
        AccessSecret::parse(AccessKind::Session, text)
    }

    /// Waits until what let this request in does so no more, and 15 seconds longer at the most: an answer
    /// that goes on must not outlive its token. What a proxy let in is asked for again after an hour.
    pub(super) async fn until_refused(self, headers: HeaderMap) {
        let token = bearer(&headers).and_then(|text| AccessSecret::parse(AccessKind::Token, text));
        let session = self.session(&headers);
        loop {
            let found = match (&token, &session) {
                (Some(token), _) => self.of_token(token).await,
                (None, Some(session)) => self.of_session(session).await,
                (None, None) => return tokio::time::sleep(PROXIED_FOR).await,
            };
            match found {
                Ok(Some(_)) => tokio::time::sleep(LOOK_EVERY).await,
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// The token of this text, and who has it. What is not valid is counted.
    pub(super) async fn with_token(
        &self,
        client: ClientAddress,
        text: &str,
    ) -> Result<(AccessId, Caller), Problem> {
        if let Some(secret) = AccessSecret::parse(AccessKind::Token, text)
            && let Some(caller) = self.of_token(&secret).await?
        {
            return Ok((secret.id().clone(), caller));
        }
        Err(self.refuse(client))
    }

    async fn of_token(&self, secret: &AccessSecret) -> Result<Option<Caller>, Problem> {
        let find = |known: &Known| {
            let token = known.tokens.get(secret.id())?;
            let is_it = secret.matches(&self.0.stored.app, &token.hash);
            (is_it && self.is_valid(token)).then(|| caller(secret.id(), token))
        };
        self.0.cache.find(find).await.map_err(|_| unavailable())
    }

    async fn of_session(&self, secret: &AccessSecret) -> Result<Option<Caller>, Problem> {
        let find = |known: &Known| {
            let session = known.sessions.get(secret.id())?;
            let is_it = secret.matches(&self.0.stored.app, &session.hash);
            let token = known.tokens.get(&session.token)?;
            let is_valid = self.0.stored.clock.now() < session.expires && self.is_valid(token);
            (is_it && is_valid).then(|| Caller {
                session: Some(secret.id().clone()),
                ..caller(&session.token, token)
            })
        };
        self.0.cache.find(find).await.map_err(|_| unavailable())
    }

    fn is_valid(&self, token: &AccessToken) -> bool {
        token.is_valid(self.0.stored.clock.now())
    }

    fn refuse(&self, ClientAddress(client): ClientAddress) -> Problem {
        if let Some(too_many) = self.count_failure(client) {
            let detail = "too many tokens that are not valid; try again later";
            let problem = Problem::new(Code::TooManyRequests, detail);
            // Once, so that the log stays short.
            if too_many.is_first {
                let why = "too many tokens that are not valid; more of them within the minute are not logged";
                audit::refused(client, problem.code.status(), why);
            }
            return problem.retry_after(too_many.wait);
        }
        let problem = Problem::new(
            Code::Unauthorized,
            "the token is not valid: it is unknown, expired or revoked",
        );
        audit::refused(client, problem.code.status(), "the token is not valid");
        problem
    }

    fn count_failure(&self, client: Option<IpAddr>) -> Option<TooMany> {
        let now = self.0.stored.clock.now();
        let failures = self.0.failures.lock();
        let mut failures = failures.unwrap_or_else(std::sync::PoisonError::into_inner);
        failures.count(client, now)
    }
}

fn caller(id: &AccessId, token: &AccessToken) -> Caller {
    Caller {
        name: token.name.to_string(),
        scope: token.scope,
        products: token.products.clone(),
        observer: token.observer.clone(),
        token: Some(id.clone()),
        session: None,
    }
}

fn unavailable() -> Problem {
    let detail = "the tokens cannot be read just now: the parameter store does not answer; the log says more";
    Problem::new(Code::Aws, detail)
}
