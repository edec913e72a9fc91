//! What a window gets: the options that were asked for, those that a role has unless told otherwise,
//! and the hash of a bypass link's token.

use jiff::Timestamp;
use maintenance_flag::{Change, Flag, Options, StoredToken, Token, TokenHash};

use super::{Control, On, RoleSpec};

/// The token of a bypass link: one for all roles of an operation, hashed for each. Only the hashes are
/// stored, and the token is shown by nothing in this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The secret.
    pub token: Token,
    /// When it ends, if the window does not end first. UTC.
    pub until: Timestamp,
}

impl Control {
    /// The options for a role whose flag is `current`. What the role has by configuration counts only
    /// when a window opens: a window that is open keeps what it has.
    pub(super) fn options(
        &self,
        spec: &RoleSpec,
        on: &On,
        current: &Flag,
        now: Timestamp,
    ) -> Options {
        let mut options = on.options.clone();
        if let Some(link) = &on.link {
            let (app, role) = (self.app.to_string(), spec.role.as_str());
            options.token = Change::Set(StoredToken {
                hash: TokenHash::of(&app, role, link.token.reveal()),
                until: link.until,
            });
        }
        if current.mode_at(now).is_on() {
            options
        } else {
            options.or(spec.options.clone())
        }
    }
}
