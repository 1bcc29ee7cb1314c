//! State kept between the requests of one connection: who is on the other side, its rate-limit bucket and the
//! last verified login.

use super::rate::Bucket;
use crate::domain::time::Timestamp;
use crate::service::{Caller, Refusal, Users};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// A connection.
pub struct Connection {
    /// Address of the other side; that of this host for a local one.
    pub peer: IpAddr,
    /// The user on the other side of the local socket, whom the kernel names; `None` over TCP.
    pub local: Option<Arc<Caller>>,
    /// Rate limit of the address.
    pub bucket: Arc<Bucket>,
    /// The token verified last. A client sends the same token again and again, and verifying costs more than
    /// most requests.
    verified: Mutex<Option<Verified>>,
}

struct Verified {
    token: Box<str>,
    caller: Arc<Caller>,
    epoch: u64,
}

impl Connection {
    /// A connection over TCP.
    pub fn new(peer: IpAddr, bucket: Arc<Bucket>) -> Self {
        Connection { peer, local: None, bucket, verified: Mutex::new(None) }
    }

    /// A connection over the local socket.
    pub fn local(caller: Arc<Caller>) -> Self {
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Connection { local: Some(caller), ..Connection::new(peer, Arc::default()) }
    }

    /// The caller a token belongs to. Any change of users or logins since the last check makes it verify
    /// again.
    ///
    /// # Errors
    /// As [`Users::authenticate`].
    pub fn authenticate(&self, users: &Users, token: &str, now: Timestamp) -> Result<Arc<Caller>, Refusal> {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        // Read before verifying, so that the next request sees a change made in between.
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
