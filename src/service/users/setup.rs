//! First start: while there is no user, a one-time code creates the first administrator.
//!
//! The code is only in memory and is cleared when the first user is created by any means.

use super::{Lifetimes, Login, Refusal, RefusalKind, Users, lock};
use crate::auth::{Role, random, same_secret};
use crate::domain::time::Timestamp;

/// Letters and digits that are hard to confuse. There are 32, so a byte modulo 32 is uniform.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_CHARACTERS: usize = 16;
const GROUP_CHARACTERS: usize = 4;

impl Users {
    /// The code that creates the first administrator; `None` once there is a user.
    pub fn setup_code(&self) -> Option<String> {
        lock(&self.setup_code).clone()
    }

    /// Creates the first administrator and logs them in; of concurrent calls only one succeeds. The caller
    /// checks [`Users::login_delay`] with the empty name first and reports the outcome.
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

/// A code of 80 random bits, in groups for reading it out.
pub(super) fn new_code() -> String {
    let letters = random::<CODE_CHARACTERS>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    letters.chunks(GROUP_CHARACTERS).map(String::from_iter).collect::<Vec<_>>().join("-")
}

/// Normalises a typed code: upper case, without separators.
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
