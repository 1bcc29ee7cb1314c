//! The first start: while there is no user, a one-time code makes the first administrator.
//!
//! The code lives in memory only and dies with the first user, however that one came to be.

use super::{Lifetimes, Login, Refusal, RefusalKind, Users, lock};
use crate::auth::{Role, random, same_secret};
use crate::domain::time::Timestamp;

/// Letters and digits that nobody confuses: 32, so that a byte's low five bits choose evenly.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_CHARACTERS: usize = 16;
const GROUP_CHARACTERS: usize = 4;

impl Users {
    /// The code with which the first administrator can be made; `None` once there is a user.
    pub fn setup_code(&self) -> Option<String> {
        lock(&self.setup_code).clone()
    }

    /// Makes the first administrator and logs them in. Of several at once one wins. The caller asks
    /// [`Users::login_delay`] with the empty name first and tells how it ended.
    ///
    /// # Errors
    /// `setup_completed` when there is a user, `setup_code_invalid`, `invalid_request` with every problem.
    pub fn setup(
        &self,
        code: &str,
        name: &str,
        password: &str,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Result<Login, Refusal> {
        let expected = self.setup_code().ok_or_else(completed)?;
        if !same_secret(plain(code).as_bytes(), plain(&expected).as_bytes()) {
            let message = "this is not the setup code that the daemon wrote to its log when it started: copy it from there";
            return Err(Refusal::new(RefusalKind::Unauthenticated, "setup_code_invalid", message));
        }
        let user = self.new_user(name, Role::Admin, password, now)?;
        let changes = lock(&self.changes);
        if !self.standing().users.is_empty() {
            return Err(completed());
        }
        self.insert_user(&user)?;
        drop(changes);
        self.begin_login(&user, lifetimes, now)
    }
}

/// A code of 80 random bits in groups that can be read out.
pub(super) fn new_code() -> String {
    let letters = random::<CODE_CHARACTERS>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    letters.chunks(GROUP_CHARACTERS).map(String::from_iter).collect::<Vec<_>>().join("-")
}

/// A code as it was meant, whoever typed it.
fn plain(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .take(CODE_CHARACTERS + 1)
        .collect()
}

fn completed() -> Refusal {
    Refusal::conflict(
        "setup_completed",
        "there is a user already: log in, or use `tradingd user` on the machine",
    )
}
