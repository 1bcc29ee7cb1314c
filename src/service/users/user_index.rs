//! In-memory index of users and logins, against which every request is checked.

use super::Caller;
use crate::auth::{Access, Role};
use crate::domain::time::Timestamp;
use crate::limits::{REVOKED_TOKENS, USER_LOGINS};
use crate::store::records::{LoginV1, RevokedTokenV1, UserV1};
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Users, logins and revoked tokens. Bounded by the store's limits.
#[derive(Default)]
pub(super) struct UserIndex {
    pub(super) users: BTreeMap<Arc<str>, UserStanding>,
    logins: BTreeMap<Arc<str>, LoginStanding>,
    /// Revoked access tokens by id, with their expiry.
    revoked: BTreeMap<Arc<str>, Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct UserStanding {
    pub(super) role: Role,
    pub(super) disabled: bool,
}

struct LoginStanding {
    user: Arc<str>,
    expires: Timestamp,
    revoked: bool,
}

impl UserIndex {
    pub(super) fn load(store: &Store) -> Result<UserIndex, StoreError> {
        let mut standing = UserIndex::default();
        for user in store.users()? {
            standing.put_user(&user)?;
        }
        for login in store.logins()? {
            standing.put_login(&login);
        }
        for token in store.revoked_tokens()? {
            standing.revoke_token(&token);
        }
        Ok(standing)
    }

    /// The caller of a token whose signature is valid; `None` when its user or login no longer allows it.
    pub(super) fn caller(&self, access: Access) -> Option<Caller> {
        let (name, user) = self.users.get_key_value(access.name.as_str())?;
        let (family, login) = self.logins.get_key_value(access.family.as_str())?;
        let good = !user.disabled && user.role == access.role && !login.revoked && login.user == *name;
        if !good || self.revoked.contains_key(access.jti.as_str()) {
            return None;
        }
        let (name, family) = (Arc::clone(name), Arc::clone(family));
        Some(Caller { name, role: access.role, jti: access.jti.into(), family, expires: access.expires })
    }

    /// Whether there is an enabled administrator other than this user.
    pub(super) fn has_other_admin(&self, name: &str) -> bool {
        let enabled = |user: &UserStanding| user.role == Role::Admin && !user.disabled;
        self.users.iter().any(|(other, user)| &**other != name && enabled(user))
    }

    pub(super) fn put_user(&mut self, user: &UserV1) -> Result<(), StoreError> {
        let standing = UserStanding { role: role_of(user)?, disabled: user.disabled };
        self.users.insert(user.name.as_str().into(), standing);
        Ok(())
    }

    pub(super) fn remove_user(&mut self, name: &str) {
        self.users.remove(name);
        self.remove_logins(name);
    }

    pub(super) fn remove_logins(&mut self, user: &str) {
        self.logins.retain(|_, login| &*login.user != user);
    }

    pub(super) fn put_login(&mut self, login: &LoginV1) {
        let user = self
            .users
            .get_key_value(login.user.as_str())
            .map_or_else(|| login.user.as_str().into(), |(name, _)| Arc::clone(name));
        let expires = Timestamp::from_micros(login.expires_us).unwrap_or(Timestamp::MAX);
        self.logins
            .insert(login.family.as_str().into(), LoginStanding { user, expires, revoked: login.revoked });
    }

    pub(super) fn remove_login(&mut self, family: &str) {
        self.logins.remove(family);
    }

    /// Login families to remove before another login of the user: all expired ones, and as many of the user's
    /// others as exceed the limit, revoked ones first, then by expiry.
    pub(super) fn surplus(&self, user: &str, now: Timestamp) -> Vec<String> {
        let (expired, kept): (Vec<_>, Vec<_>) =
            self.logins.iter().partition(|(_, login)| login.expires <= now);
        let mut own: Vec<_> = kept.into_iter().filter(|(_, login)| &*login.user == user).collect();
        own.sort_by_key(|(_, login)| (!login.revoked, login.expires));
        let surplus = (own.len() + 1).saturating_sub(USER_LOGINS);
        expired
            .into_iter()
            .chain(own.into_iter().take(surplus))
            .map(|(family, _)| family.to_string())
            .collect()
    }

    pub(super) fn revoke_token(&mut self, token: &RevokedTokenV1) {
        let expires = Timestamp::from_micros(token.expires_us).unwrap_or(Timestamp::MAX);
        if self.revoked.len() >= REVOKED_TOKENS {
            let first =
                self.revoked.iter().min_by_key(|(_, expires)| **expires).map(|(jti, _)| Arc::clone(jti));
            first.and_then(|jti| self.revoked.remove(&jti));
        }
        self.revoked.insert(token.jti.as_str().into(), expires);
    }

    pub(super) fn forget_expired_tokens(&mut self, now: Timestamp) {
        self.revoked.retain(|_, expires| *expires > now);
    }
}

/// The role of a stored user.
pub(super) fn role_of(user: &UserV1) -> Result<Role, StoreError> {
    Role::from_name(&user.role).ok_or_else(|| StoreError::Damaged {
        place: format!("user `{}`", user.name),
        what: format!("`{}` is not a role of this version", user.role),
    })
}
