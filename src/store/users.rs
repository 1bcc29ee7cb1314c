//! Users. Rules about users are in `service::users`; here a change and the logins it ends are stored
//! together.

use super::error::during;
use super::presets::remove_presets;
use super::records::{LoginV1, UserV1};
use super::tables::{LOGINS, USERS};
use super::{Store, StoreError, decode, encode};
use redb::{ReadableTable, WriteTransaction};

const WRITING: &str = "writing a user";

impl Store {
    /// Stores a user, replacing one of the same name.
    pub fn put_user(&self, user: &UserV1) -> Result<(), StoreError> {
        self.change_user(user, |_, _| Ok(()))
    }

    /// As [`Store::put_user`], and removes all logins of the user in the same commit.
    pub fn put_user_and_end_logins(&self, user: &UserV1) -> Result<(), StoreError> {
        self.change_user(user, remove_logins)
    }

    /// Removes a user with all their logins and presets.
    pub fn delete_user(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |txn| {
            USERS.write(txn, WRITING)?.remove(name.as_str()).map_err(during(WRITING))?;
            remove_presets(txn, &name)?;
            remove_logins(txn, &name)
        })
    }

    /// One user.
    pub fn user(&self, name: &str) -> Result<UserV1, StoreError> {
        let found = self.table(USERS)?.checked().get(name)?;
        found.ok_or_else(|| StoreError::NotFound { what: "user", id: name.to_owned() })
    }

    /// All users, sorted by name.
    pub fn users(&self) -> Result<Vec<UserV1>, StoreError> {
        self.table(USERS)?.checked().values()
    }

    fn change_user(
        &self,
        user: &UserV1,
        with: impl Fn(&WriteTransaction, &str) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let (name, bytes) = (user.name.clone(), encode(user)?);
        self.write(move |txn| {
            USERS.write(txn, WRITING)?.insert(name.as_str(), bytes.as_slice()).map_err(during(WRITING))?;
            with(txn, &name)
        })
    }
}

fn remove_logins(txn: &WriteTransaction, user: &str) -> Result<(), StoreError> {
    let mut table = LOGINS.write(txn, WRITING)?;
    let mut ended = Vec::new();
    for row in table.iter().map_err(during(WRITING))? {
        let (family, bytes) = row.map_err(during(WRITING))?;
        // An unreadable login can belong to nobody; `tradingd verify` reports it.
        if decode::<LoginV1>(bytes.value(), family.value()).is_ok_and(|login| login.user == user) {
            ended.push(family.value().to_owned());
        }
    }
    for family in ended {
        table.remove(family.as_str()).map_err(during(WRITING))?;
    }
    Ok(())
}
