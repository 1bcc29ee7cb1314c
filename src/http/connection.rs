//! What is remembered from one request of a connection to the next: the address's bucket and the last login seen.

use super::rate::Bucket;
use crate::domain::time::Timestamp;
use crate::service::{Caller, Refusal, Users};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// A connection.
pub struct Connection {
    /// The other side.
    pub peer: IpAddr,
    /// How often it may ask.
    pub bucket: Arc<Bucket>,
    /// The token that was verified last: a client sends the same one again and again, and verifying costs more than
    /// most answers.
    verified: Mutex<Option<Verified>>,
}

struct Verified {
    token: Box<str>,
    caller: Arc<Caller>,
    epoch: u64,
}

impl Connection {
    /// A new connection.
    pub fn new(peer: IpAddr, bucket: Arc<Bucket>) -> Self {
        Connection { peer, bucket, verified: Mutex::new(None) }
    }

    /// Who sent a token. Any change of users or logins since it was verified has it verified again.
    ///
    /// # Errors
    /// As [`Users::authenticate`].
    pub fn authenticate(&self, users: &Users, token: &str, now: Timestamp) -> Result<Arc<Caller>, Refusal> {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        // Read before verifying: a change in between must be seen by the next request.
        let epoch = users.epoch();
        if let Some(known) = verified
            .as_ref()
            .filter(|known| known.epoch == epoch && *known.token == *token && now < known.caller.expires)
        {
            return Ok(Arc::clone(&known.caller));
        }
        let caller = Arc::new(users.authenticate(token, now)?);
        *verified = Some(Verified { token: token.into(), caller: Arc::clone(&caller), epoch });
        Ok(caller)
    }
}
