//! Users and logins: authentication, and the data for authorisation.
//!
//! Every change, revocations included, is on disk before it is acknowledged. Requests are checked against an
//! in-memory index loaded at start, so verifying an access token does not read the store. An access token is
//! valid while its login family is known and not revoked and its user is enabled and has the token's role.
//! Invariant: no message contains a password or token, and a refused token's error does not say why.

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
pub use logins::LoginLine;

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

/// The authenticated user of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Name of the user.
    pub name: Arc<str>,
    /// Role.
    pub role: Role,
    /// Id of the access token.
    pub jti: Arc<str>,
    /// Id of the login family.
    pub family: Arc<str>,
    /// When the access token expires (exclusive).
    pub expires: Timestamp,
}

/// The result of a login or its renewal.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Access token for the `Authorization` header or the cookie.
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: u32,
    /// Refresh token for the next renewal; it replaces the one before.
    pub refresh_token: String,
    /// Seconds until it expires.
    pub refresh_expires_in: u32,
    /// The caller that [`Users::authenticate`] would return.
    pub caller: Caller,
}

/// Lifetimes of tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetimes {
    /// Of access tokens, seconds.
    pub access_s: u32,
    /// Of refresh tokens, seconds.
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
    /// Held while a user or login changes, from the first check until store and memory agree again.
    changes: Mutex<()>,
    standing: RwLock<UserIndex>,
    epoch: AtomicU64,
    /// Notifies of changes of `epoch`.
    changed: watch::Sender<()>,
    delays: Mutex<LoginBackoff>,
    hashes: HashPermits,
    /// Only while there is no user.
    setup_code: Mutex<Option<String>>,
}

impl Users {
    /// Loads users and logins. Without any user it creates a setup code.
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

    /// Reloads users and logins: after a disk failure memory may differ from the store.
    ///
    /// # Errors
    /// What the store reports; memory is then unchanged.
    pub fn reload(&self) -> Result<(), StoreError> {
        let _nobody_else = lock(&self.changes);
        *self.standing_mut() = UserIndex::load(&self.store)?;
        self.next_epoch();
        Ok(())
    }

    /// The caller identified by an access token. Does not read the store.
    ///
    /// # Errors
    /// `authentication_required`, equal for all invalid tokens.
    pub fn authenticate(&self, access_token: &str, now: Timestamp) -> Result<Caller, Refusal> {
        let access = self.tokens.read(access_token, now).ok_or_else(unauthenticated)?;
        self.standing().caller(access).ok_or_else(unauthenticated)
    }

    /// Whether a caller that was authenticated before still is, apart from expiry. Does not read the store.
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

    /// Changes whenever a valid token may have become invalid. To cache the result of
    /// [`Users::authenticate`], read this first, and authenticate again once it differs or the token has
    /// expired.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Notifies when valid tokens may have become invalid, for long-lived connections.
    pub fn logins_changed(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// How long this address must wait before its next login attempt at this name; usually zero. Two rules,
    /// the longer delay counts: for address and name together from the fifth failure on, 1 to 60 seconds; for
    /// the address over all names from the twentieth on, 1 to 10 seconds. IPv6 addresses count by /64
    /// network, setup codes under the empty name. Other addresses are not affected.
    pub fn login_delay(&self, address: IpAddr, name: &str, now: Timestamp) -> Span {
        lock(&self.delays).delay(address, name, now)
    }

    /// Counts a failed login. Failures are forgotten 15 minutes after the last one.
    pub fn login_failed(&self, address: IpAddr, name: &str, now: Timestamp) {
        lock(&self.delays).failed(address, name, now);
    }

    /// Clears the failed logins of this address and name.
    pub fn login_succeeded(&self, address: IpAddr, name: &str) {
        lock(&self.delays).succeeded(address, name);
    }

    /// A CSRF token valid for `ttl`, bound to a login family if one is given.
    pub fn csrf_token(&self, now: Timestamp, ttl: Span, family: Option<&str>) -> String {
        csrf::token(&self.keys, now, ttl, family)
    }

    /// Checks a CSRF token. `family` is the login of the request's cookie; `None` for a Bearer header, where
    /// any unexpired token passes.
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
                    "the CSRF token does not belong to this login: get a new one from `GET /csrf-token`",
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

    /// The index is changed only under `changes` and only after the commit.
    fn standing_mut(&self) -> RwLockWriteGuard<'_, UserIndex> {
        self.standing.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called after the change itself, so that whoever sees the new epoch sees the change.
    fn next_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::Release);
        self.changed.send_replace(());
    }
}

/// The same error for every invalid token.
pub fn unauthenticated() -> Refusal {
    Refusal::new(
        RefusalKind::Unauthenticated,
        "authentication_required",
        "this needs a valid login: log in and try again",
    )
}

/// Ignores poisoning: each guarded value is changed by one assignment or validated again when used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
