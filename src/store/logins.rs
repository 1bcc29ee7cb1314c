//! Logins and revoked access tokens. Expired tokens are removed when a login ends.

use super::error::during;
use super::records::{LoginV1, RevokedTokenV1};
use super::tables::{LOGINS, REVOKED_TOKENS};
use super::{Store, StoreError, decode, encode};
use crate::domain::time::Timestamp;

const WRITING: &str = "writing a login";

impl Store {
    /// Stores a login, replacing the one of its family, and removes others in the same commit.
    pub fn put_login(&self, login: &LoginV1, remove: &[String]) -> Result<(), StoreError> {
        let (family, bytes, remove) = (login.family.clone(), encode(login)?, remove.to_vec());
        self.write(move |txn| {
            let mut table = LOGINS.write(txn, WRITING)?;
            for family in &remove {
                table.remove(family.as_str()).map_err(during(WRITING))?;
            }
            table.insert(family.as_str(), bytes.as_slice()).map_err(during(WRITING))?;
            Ok(())
        })
    }

    /// Stores an ended login and revokes one of its access tokens; removes tokens that expired by `now`.
    pub fn end_login(
        &self,
        login: &LoginV1,
        token: &RevokedTokenV1,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (family, bytes) = (login.family.clone(), encode(login)?);
        let (jti, revoked) = (token.jti.clone(), encode(token)?);
        self.write(move |txn| {
            let mut logins = LOGINS.write(txn, WRITING)?;
            logins.insert(family.as_str(), bytes.as_slice()).map_err(during(WRITING))?;
            let mut tokens = REVOKED_TOKENS.write(txn, WRITING)?;
            let expired = |bytes: &[u8]| {
                decode::<RevokedTokenV1>(bytes, "").is_ok_and(|token| token.expires_us <= now.micros())
            };
            tokens.retain(|_, bytes| !expired(bytes)).map_err(during(WRITING))?;
            tokens.insert(jti.as_str(), revoked.as_slice()).map_err(during(WRITING))?;
            Ok(())
        })
    }

    /// The login of a family, ended ones included; `None` when it is not stored.
    pub fn login(&self, family: &str) -> Result<Option<LoginV1>, StoreError> {
        self.table(LOGINS)?.checked().get(family)
    }

    /// All stored logins.
    pub fn logins(&self) -> Result<Vec<LoginV1>, StoreError> {
        self.table(LOGINS)?.checked().values()
    }

    /// All stored revoked access tokens; some may have expired.
    pub fn revoked_tokens(&self) -> Result<Vec<RevokedTokenV1>, StoreError> {
        self.table(REVOKED_TOKENS)?.checked().values()
    }
}
