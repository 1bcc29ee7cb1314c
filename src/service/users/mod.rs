//! Users and their logins: who is asking, and who may.
//!
//! Every change is on disk before it is acknowledged, revocations too. What a request needs is held in memory and loaded
//! at start, so that checking an access token reads nothing from the store. A token is good while its login family is
//! known and not revoked and its user stands as it says. Never: a password or token in a message, or a refusal that
//! tells why a token is no good.

mod accounts;
mod hash_permits;
mod login_backoff;
mod logins;
mod setup;
#[cfg(test)]
mod tests;
mod user_index;

pub use accounts::{Alteration, User};
pub use login_backoff::network;

use super::{Refusal, RefusalKind};
use crate::auth::{Access, AccessTokens, CsrfProblem, Keys, Role, csrf};
use crate::config;
use crate::domain::time::{Span, Timestamp};
use crate::store::{Store, StoreError};
use hash_permits::HashPermits;
use login_backoff::LoginBackoff;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch;
use user_index::UserIndex;

/// Whoever made a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Name of the user.
    pub name: Arc<str>,
    /// What they may do.
    pub role: Role,
    /// Id of the access token.
    pub jti: Arc<str>,
    /// Id of the login family.
    pub family: Arc<str>,
    /// First moment at which the access token is good no more.
    pub expires: Timestamp,
}

/// A login or its renewal.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// For the `Authorization` header or the cookie.
    pub access_token: String,
    /// Seconds it is good for.
    pub expires_in: u32,
    /// For the next renewal; the one that was used is good no more.
    pub refresh_token: String,
    /// Seconds it is good for.
    pub refresh_expires_in: u32,
    /// As [`Users::authenticate`] reads the access token.
    pub caller: Caller,
}

/// How long the tokens of a login are good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetimes {
    /// Access tokens, seconds.
    pub access_s: u32,
    /// Refresh tokens, seconds.
    pub refresh_s: u32,
}

impl From<&config::Auth> for Lifetimes {
    fn from(auth: &config::Auth) -> Self {
        Lifetimes { access_s: auth.access_ttl_s, refresh_s: auth.refresh_ttl_s }
    }
}

/// All users of a store and their logins.
pub struct Users {
    store: Arc<Store>,
    keys: Keys,
    tokens: AccessTokens,
    /// Held by whoever changes a user or a login, from the first look until store and memory agree again.
    changes: Mutex<()>,
    standing: RwLock<UserIndex>,
    epoch: AtomicU64,
    /// Tells whoever waits that the epoch has changed.
    changed: watch::Sender<()>,
    delays: Mutex<LoginBackoff>,
    hashes: HashPermits,
    /// Only while there is no user.
    setup_code: Mutex<Option<String>>,
}

impl Users {
    /// Loads users and logins. Without a user there is a setup code from now on.
    ///
    /// # Errors
    /// What the store reports.
    pub fn open(store: Arc<Store>, keys: Keys) -> Result<Users, StoreError> {
        let standing = UserIndex::load(&store)?;
        let setup_code = standing.users.is_empty().then(setup::new_code);
        Ok(Users {
            tokens: AccessTokens::new(&keys),
            keys,
            changes: Mutex::default(),
            standing: RwLock::new(standing),
            epoch: AtomicU64::new(0),
            changed: watch::Sender::new(()),
            delays: Mutex::default(),
            hashes: HashPermits::default(),
            setup_code: Mutex::new(setup_code),
            store,
        })
    }

    /// Reads users and logins anew: memory may differ from the store after its disk failed.
    ///
    /// # Errors
    /// What the store reports; then everything stays as it was.
    pub fn reload(&self) -> Result<(), StoreError> {
        let _nobody_else = lock(&self.changes);
        *self.standing_mut() = UserIndex::load(&self.store)?;
        self.next_epoch();
        Ok(())
    }

    /// Who holds an access token. Reads nothing from the store.
    ///
    /// # Errors
    /// `authentication_required`, the same for every token that is no good, whatever is wrong with it.
    pub fn authenticate(&self, access_token: &str, now: Timestamp) -> Result<Caller, Refusal> {
        let access = self.tokens.read(access_token, now).ok_or_else(unauthenticated)?;
        self.standing().caller(access).ok_or_else(unauthenticated)
    }

    /// Whether a caller that was authenticated before would still be, but for the time. Reads nothing from the store.
    pub fn is_current(&self, caller: &Caller) -> bool {
        let Caller { name, role, jti, family, expires } = caller;
        let access = Access {
            name: name.to_string(),
            role: *role,
            jti: jti.to_string(),
            family: family.to_string(),
            expires: *expires,
        };
        self.standing().caller(access).is_some()
    }

    /// Grows whenever a token that was good may be good no more. Whoever keeps the answer of [`Users::authenticate`]
    /// reads this before asking and asks again when it has changed or the token has expired.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Tells when tokens that were good may be good no more, for connections that live long.
    pub fn logins_changed(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// How long this address has to wait before it may try this name; zero for most. Grows from the fifth failure on,
    /// from one second to one minute, for the address (of IPv6 its /64 network) and the name together; from the twentieth
    /// failure on, to ten seconds, for the address over all names. So nobody can lock out another address. Setup codes
    /// count under the empty name.
    pub fn login_delay(&self, address: IpAddr, name: &str, now: Timestamp) -> Span {
        lock(&self.delays).delay(address, name, now)
    }

    /// Counts a failed login. Forgotten after a quarter of an hour without another.
    pub fn login_failed(&self, address: IpAddr, name: &str, now: Timestamp) {
        lock(&self.delays).failed(address, name, now);
    }

    /// Forgets failed logins.
    pub fn login_succeeded(&self, address: IpAddr, name: &str) {
        lock(&self.delays).succeeded(address, name);
    }

    /// A CSRF token that is good for `ttl`, bound to a login family when there is one.
    pub fn csrf_token(&self, now: Timestamp, ttl: Span, family: Option<&str>) -> String {
        csrf::token(&self.keys, now, ttl, family)
    }

    /// Checks a CSRF token. `family`: the login of the request's cookie; `None` with a Bearer header, where any valid
    /// unexpired token passes.
    ///
    /// # Errors
    /// `csrf_missing`, `csrf_invalid`, `csrf_expired`.
    pub fn verify_csrf(
        &self,
        token: Option<&str>,
        now: Timestamp,
        family: Option<&str>,
    ) -> Result<(), Refusal> {
        csrf::verify(&self.keys, token, now, family).map_err(|problem| {
            let (code, message) = match problem {
                CsrfProblem::Missing => {
                    ("csrf_missing", "send a token of `GET /csrf-token` in the header `X-CSRF-Token`")
                }
                CsrfProblem::Invalid => (
                    "csrf_invalid",
                    "the CSRF token is not one of this login: get a new one from `GET /csrf-token`",
                ),
                CsrfProblem::Expired => {
                    ("csrf_expired", "the CSRF token has expired: get a new one from `GET /csrf-token`")
                }
            };
            Refusal::new(RefusalKind::Forbidden, code, message)
        })
    }

    fn standing(&self) -> RwLockReadGuard<'_, UserIndex> {
        self.standing.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory follows the store: only under `changes`, only behind the commit.
    fn standing_mut(&self) -> RwLockWriteGuard<'_, UserIndex> {
        self.standing.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Only behind the change itself: whoever sees the new epoch sees the change.
    fn next_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::Release);
        self.changed.send_replace(());
    }
}

/// The one answer to every token that is no good.
pub fn unauthenticated() -> Refusal {
    Refusal::new(
        RefusalKind::Unauthenticated,
        "authentication_required",
        "this needs a login that is still good: log in and try again",
    )
}

/// A panic elsewhere leaves what these guard whole: each is changed by one assignment, or checked again when it is used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
