//! Logging in, renewing a login, logging out.

use super::user_index::role_of;
use super::{Caller, Lifetimes, Login, Refusal, RefusalKind, Users, lock, unauthenticated};
use crate::auth::{RefreshToken, Role, password, random_id, same_secret};
use crate::domain::time::{Span, Timestamp};
use crate::store::StoreError;
use crate::store::records::{LoginV1, RevokedTokenV1, UserV1};

/// A login as it is shown: never its tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginLine {
    /// Id, by which it can be ended.
    pub id: String,
    /// Whose.
    pub user: String,
    /// Time of the login.
    pub created: Timestamp,
    /// When it ends unless it is renewed before.
    pub expires: Timestamp,
}

impl Users {
    /// Logs a user in. The caller checks [`Users::login_delay`] first and reports the outcome.
    ///
    /// # Errors
    /// `authentication_failed`, with equal text and work for an unknown user, a wrong password and a disabled
    /// user; `too_many_requests` when too many logins wait for hashing.
    pub fn login(
        &self,
        name: &str,
        password: &str,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Result<Login, Refusal> {
        let user = match self.store.user(name) {
            Ok(user) => Some(user),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let right = self.hashes.run(|| password::verify(password, hash))?;
        let user = user.filter(|user| right && !user.disabled).ok_or_else(authentication_failed)?;
        self.begin_login(&user, lifetimes, now)
    }

    /// Renews a login and replaces its refresh token.
    ///
    /// Presenting a refresh token a second time ends the whole login, because it may have been stolen. A
    /// client that lost the response and retries looks the same and has to log in again.
    ///
    /// # Errors
    /// `refresh_reused` for a used token, `authentication_required` for any other invalid one.
    pub fn refresh(
        &self,
        refresh_token: &str,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Result<Login, Refusal> {
        let token = RefreshToken::read(&self.keys, refresh_token).ok_or_else(unauthenticated)?;
        let _changes = lock(&self.changes);
        let login = self
            .store
            .login(&token.family)?
            .filter(|login| login.expires_us > now.micros())
            .ok_or_else(unauthenticated)?;
        if !same_secret(&token.hash, &login.refresh_hash) {
            if !login.revoked {
                let revoked = LoginV1 { revoked: true, ..login };
                self.store.put_login(&revoked, &[])?;
                self.standing_mut().put_login(&revoked);
                self.next_epoch();
            }
            return Err(refresh_reused());
        }
        let user = self.standing().users.get(login.user.as_str()).copied();
        let user = user.filter(|user| !user.disabled && !login.revoked).ok_or_else(unauthenticated)?;
        self.keep_login(login, user.role, Vec::new(), lifetimes, now)
    }

    /// Ends a login: its refresh token and all its access tokens are invalid, durably, before this returns.
    ///
    /// # Errors
    /// What the store reports; the login then stays valid.
    pub fn logout(&self, caller: &Caller, now: Timestamp) -> Result<(), Refusal> {
        let _changes = lock(&self.changes);
        // If the login is gone, there is nothing left to end.
        let Some(login) = self.store.login(&caller.family)? else { return Ok(()) };
        let revoked = LoginV1 { revoked: true, ..login };
        let token = RevokedTokenV1 { jti: caller.jti.to_string(), expires_us: caller.expires.micros() };
        self.store.end_login(&revoked, &token, now)?;
        let mut standing = self.standing_mut();
        standing.put_login(&revoked);
        standing.forget_expired_tokens(now);
        standing.revoke_token(&token);
        drop(standing);
        self.next_epoch();
        Ok(())
    }

    /// The logins that are still good, newest first; of one user, or of all.
    ///
    /// # Errors
    /// What the store reports.
    pub fn logins(&self, user: Option<&str>, now: Timestamp) -> Result<Vec<LoginLine>, Refusal> {
        let mut all = self.store.logins()?;
        all.retain(|login| {
            !login.revoked && login.expires_us > now.micros() && user.is_none_or(|user| login.user == user)
        });
        all.sort_by(|a, b| (b.created_us, &b.family).cmp(&(a.created_us, &a.family)));
        let time = |us: i64| Timestamp::from_micros(us).unwrap_or(Timestamp::MAX);
        let line = |login: LoginV1| LoginLine {
            id: login.family,
            user: login.user,
            created: time(login.created_us),
            expires: time(login.expires_us),
        };
        Ok(all.into_iter().map(line).collect())
    }

    /// Ends a login by its id: none of its tokens is valid from now on. `owner` ends only their own.
    ///
    /// # Errors
    /// `login_not_found`, also for a login of somebody else.
    pub fn end_login(&self, id: &str, owner: Option<&str>, now: Timestamp) -> Result<(), Refusal> {
        let _changes = lock(&self.changes);
        let is_theirs = |login: &LoginV1| {
            !login.revoked && login.expires_us > now.micros() && owner.is_none_or(|owner| login.user == owner)
        };
        let login = self.store.login(id)?.filter(is_theirs).ok_or_else(|| {
            Refusal::not_found("login_not_found", format!("there is no login {id:?} that could be ended"))
        })?;
        let revoked = LoginV1 { revoked: true, ..login };
        self.store.put_login(&revoked, &[])?;
        self.standing_mut().put_login(&revoked);
        self.next_epoch();
        Ok(())
    }

    /// Starts a login for a user whose password was verified against this record.
    pub(super) fn begin_login(
        &self,
        user: &UserV1,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Result<Login, Refusal> {
        let _changes = lock(&self.changes);
        // Verifying took a while; the user may be deleted, disabled or have a new password by now.
        if self.store.user(&user.name).ok().as_ref() != Some(user) {
            return Err(authentication_failed());
        }
        let login = LoginV1 {
            family: random_id(),
            user: user.name.clone(),
            created_us: now.micros(),
            expires_us: 0,
            refresh_hash: [0; 32],
            revoked: false,
        };
        let surplus = self.standing().surplus(&user.name, now);
        self.keep_login(login, role_of(user)?, surplus, lifetimes, now)
    }

    /// Issues new tokens, stores the login and removes the `surplus` ones. The caller holds `changes`.
    fn keep_login(
        &self,
        login: LoginV1,
        role: Role,
        surplus: Vec<String>,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Result<Login, Refusal> {
        let (refresh, refresh_token) = RefreshToken::issue(&self.keys, &login.family);
        let expires_us = (now + Span::from_seconds(lifetimes.refresh_s.into())).micros();
        let login = LoginV1 { refresh_hash: refresh.hash, expires_us, ..login };
        let lifetime = Span::from_seconds(lifetimes.access_s.into());
        let (access_token, access) = self.tokens.issue(&login.user, role, &login.family, now, lifetime);
        self.store.put_login(&login, &surplus)?;
        let mut standing = self.standing_mut();
        surplus.iter().for_each(|family| standing.remove_login(family));
        standing.put_login(&login);
        let caller = standing.caller(access).ok_or_else(unauthenticated)?;
        drop(standing);
        if !surplus.is_empty() {
            self.next_epoch();
        }
        Ok(Login {
            access_token,
            expires_in: lifetimes.access_s,
            refresh_token,
            refresh_expires_in: lifetimes.refresh_s,
            caller,
        })
    }
}

fn authentication_failed() -> Refusal {
    Refusal::new(
        RefusalKind::Unauthenticated,
        "authentication_failed",
        "the user name or the password is wrong: check both and try again",
    )
}

fn refresh_reused() -> Refusal {
    let message = "this refresh token was used before, so the login it belongs to has ended: log in again";
    Refusal::new(RefusalKind::Unauthenticated, "refresh_reused", message)
}
