//! User accounts: create, change, delete, list. The last administrator who can log in cannot be removed.

use super::user_index::role_of;
use super::{Refusal, Users, lock};
use crate::auth::{Role, password};
use crate::domain::time::Timestamp;
use crate::limits::USERS;
use crate::service::problems_text;
use crate::store::StoreError;
use crate::store::records::UserV1;

const NAME_BYTES: usize = 64;

/// A user, without secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Whether logging in is disabled.
    pub disabled: bool,
    /// Time of creation.
    pub created: Timestamp,
    /// Time of the last change.
    pub updated: Timestamp,
}

/// Changes to a user; `None` leaves a field as it is.
#[derive(Clone, Copy, Default)]
pub struct Alteration<'a> {
    /// New password.
    pub password: Option<&'a str>,
    /// New role.
    pub role: Option<Role>,
    /// Whether logging in is disabled.
    pub disabled: Option<bool>,
}

impl Users {
    /// Creates a user.
    ///
    /// # Errors
    /// `invalid_request` with every problem of name and password, `user_exists`, `too_many_users`.
    pub fn create(&self, name: &str, role: Role, password: &str, now: Timestamp) -> Result<User, Refusal> {
        let user = self.new_user(name, role, password, now)?;
        let _changes = lock(&self.changes);
        self.insert_user(&user)?;
        Ok(User::from_record(&user)?)
    }

    /// Changes a user's password and ends all their logins.
    ///
    /// # Errors
    /// `invalid_request`, `user_not_found`.
    pub fn set_password(&self, name: &str, password: &str, now: Timestamp) -> Result<User, Refusal> {
        self.alter(name, &Alteration { password: Some(password), ..Alteration::default() }, now)
    }

    /// Changes a user's role. Access tokens with the old role become invalid; renewing the login gives new
    /// ones.
    ///
    /// # Errors
    /// `user_not_found`, `last_admin`.
    pub fn set_role(&self, name: &str, role: Role, now: Timestamp) -> Result<User, Refusal> {
        self.alter(name, &Alteration { role: Some(role), ..Alteration::default() }, now)
    }

    /// Disables a user and ends all their logins.
    ///
    /// # Errors
    /// `user_not_found`, `last_admin`.
    pub fn disable(&self, name: &str, now: Timestamp) -> Result<User, Refusal> {
        self.alter(name, &Alteration { disabled: Some(true), ..Alteration::default() }, now)
    }

    /// Lets a disabled user log in again.
    ///
    /// # Errors
    /// `user_not_found`.
    pub fn enable(&self, name: &str, now: Timestamp) -> Result<User, Refusal> {
        self.alter(name, &Alteration { disabled: Some(false), ..Alteration::default() }, now)
    }

    /// Applies all given changes or none. A new password or disabling ends all logins of the user; a new role
    /// makes access tokens with the old one invalid.
    ///
    /// # Errors
    /// `invalid_request`, `user_not_found`, `last_admin`.
    pub fn alter(&self, name: &str, alteration: &Alteration<'_>, now: Timestamp) -> Result<User, Refusal> {
        let password_hash = match alteration.password {
            None => None,
            Some(password) => {
                problems([("/password", password::problem(password))])?;
                self.user_record(name)?;
                Some(self.hashes.run(|| password::hash(password))?)
            }
        };
        let _changes = lock(&self.changes);
        let before = self.user_record(name)?;
        let user = UserV1 {
            role: alteration.role.map_or_else(|| before.role.clone(), |role| role.as_str().to_owned()),
            disabled: alteration.disabled.unwrap_or(before.disabled),
            password_hash: password_hash.unwrap_or_else(|| before.password_hash.clone()),
            ..before.clone()
        };
        if user == before {
            return Ok(User::from_record(&user)?);
        }
        let user = UserV1 { updated_us: now.micros(), ..user };
        if user.disabled || role_of(&user)? != Role::Admin {
            self.keep_an_admin_besides(name)?;
        }
        if user.disabled || user.password_hash != before.password_hash {
            self.store.put_user_and_end_logins(&user)?;
            self.standing_mut().remove_logins(name);
        } else {
            self.store.put_user(&user)?;
        }
        self.standing_mut().put_user(&user)?;
        self.next_epoch();
        Ok(User::from_record(&user)?)
    }

    /// Deletes a user. Their tokens become invalid for good, also if a user of that name is created again.
    ///
    /// # Errors
    /// `user_not_found`, `last_admin`.
    pub fn delete(&self, name: &str) -> Result<(), Refusal> {
        let _changes = lock(&self.changes);
        self.user_record(name)?;
        self.keep_an_admin_besides(name)?;
        self.store.delete_user(name)?;
        self.standing_mut().remove_user(name);
        self.next_epoch();
        Ok(())
    }

    /// All users, sorted by name.
    ///
    /// # Errors
    /// What the store reports.
    pub fn list(&self) -> Result<Vec<User>, Refusal> {
        Ok(self.store.users()?.iter().map(User::from_record).collect::<Result<_, _>>()?)
    }

    /// One user.
    ///
    /// # Errors
    /// `user_not_found`.
    pub fn user(&self, name: &str) -> Result<User, Refusal> {
        Ok(User::from_record(&self.user_record(name)?)?)
    }

    /// The record of a new user; the error lists all problems.
    pub(super) fn new_user(
        &self,
        name: &str,
        role: Role,
        password: &str,
        now: Timestamp,
    ) -> Result<UserV1, Refusal> {
        problems([("/username", name_problem(name)), ("/password", password::problem(password))])?;
        let password_hash = self.hashes.run(|| password::hash(password))?;
        let (created_us, updated_us) = (now.micros(), now.micros());
        Ok(UserV1 {
            name: name.to_owned(),
            role: role.as_str().to_owned(),
            password_hash,
            created_us,
            updated_us,
            disabled: false,
        })
    }

    /// Stores a new user. The caller holds `changes`.
    pub(super) fn insert_user(&self, user: &UserV1) -> Result<(), Refusal> {
        let standing = self.standing();
        if standing.users.contains_key(user.name.as_str()) {
            return Err(Refusal::conflict(
                "user_exists",
                format!("there is a user `{}`: choose another name", user.name),
            ));
        }
        if standing.users.len() >= USERS {
            let message =
                format!("there are {USERS} users, which is the most there can be: remove one first");
            return Err(Refusal::conflict("too_many_users", message));
        }
        drop(standing);
        self.store.put_user(user)?;
        self.standing_mut().put_user(user)?;
        *lock(&self.setup_code) = None;
        self.next_epoch();
        Ok(())
    }

    /// Refuses if this user is the last administrator who can log in.
    fn keep_an_admin_besides(&self, name: &str) -> Result<(), Refusal> {
        let standing = self.standing();
        let is_admin =
            standing.users.get(name).is_some_and(|user| user.role == Role::Admin && !user.disabled);
        if is_admin && !standing.has_other_admin(name) {
            let message =
                format!("`{name}` is the last administrator who can log in: make another one first");
            return Err(Refusal::conflict("last_admin", message));
        }
        Ok(())
    }

    fn user_record(&self, name: &str) -> Result<UserV1, Refusal> {
        self.store.user(name).map_err(|error| match error {
            StoreError::NotFound { .. } => {
                Refusal::not_found("user_not_found", "there is no user of this name")
            }
            other => other.into(),
        })
    }
}

impl User {
    fn from_record(user: &UserV1) -> Result<User, StoreError> {
        let at = |micros| Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX);
        let (created, updated) = (at(user.created_us), at(user.updated_us));
        Ok(User { name: user.name.clone(), role: role_of(user)?, disabled: user.disabled, created, updated })
    }
}

/// What is wrong with a user name; `None` when it is valid.
pub(super) fn name_problem(name: &str) -> Option<String> {
    let bytes = name.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = bytes.first().is_some_and(plain) && bytes.len() <= NAME_BYTES;
    if fits && bytes.iter().all(|byte| plain(byte) || b"._-".contains(byte)) {
        return None;
    }
    Some(format!(
        "is not a user name: 1 to {NAME_BYTES} lower-case letters, digits, dots, underscores and dashes, beginning with a letter or digit"
    ))
}

fn problems<const N: usize>(found: [(&str, Option<String>); N]) -> Result<(), Refusal> {
    let problems: Vec<(String, String)> = found
        .into_iter()
        .filter_map(|(path, problem)| problem.map(|problem| (path.to_owned(), problem)))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(
        "invalid_request",
        format!("the user cannot be saved: {}", problems_text(&problems)),
        problems,
    ))
}
