//! The Unix socket of the state directory, through which the command line of this host reaches a running
//! daemon.
//!
//! The kernel says which user connects, so there is no password: our own user and root act as admin,
//! everybody else is refused. Invariant: the socket lies in a directory of mode 0700 and has mode 0600, and
//! only the process that holds the store's lock replaces it.

use super::error::Failure;
use crate::auth::Role;
use crate::domain::time::Timestamp;
use crate::service::Caller;
use hyper::StatusCode;
use hyper::header::{COOKIE, HeaderMap, HeaderName, ORIGIN};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{UnixListener, UnixStream};

/// File name of the socket in the state directory.
pub const SOCKET_FILE: &str = "tradingd.sock";

const MODE: u32 = 0o600;
const ROOT: u32 = 0;
/// A header that every current browser sends.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Path of the socket of a state directory.
pub fn socket_path(state: &Path) -> PathBuf {
    state.join(SOCKET_FILE)
}

/// A path of the socket that the kernel takes: addresses of sockets have at most 107 bytes, paths may be
/// longer.
#[derive(Debug)]
pub struct Address {
    path: PathBuf,
    /// Keeps a path by the number of the open directory valid.
    _dir: Option<File>,
}

impl Address {
    /// The address of the socket of a state directory.
    ///
    /// # Errors
    /// A long path to a directory that cannot be opened.
    pub fn of(state: &Path) -> io::Result<Address> {
        const LONGEST: usize = 107;
        let path = socket_path(state);
        if path.as_os_str().len() <= LONGEST {
            return Ok(Address { path, _dir: None });
        }
        let dir = File::open(state)?;
        let path = socket_path(Path::new(&format!("/proc/self/fd/{}", dir.as_raw_fd())));
        Ok(Address { path, _dir: Some(dir) })
    }

    /// The path to bind or to connect to.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The listening socket; its file is removed on drop, that of another process at its path is not.
#[derive(Debug)]
pub struct LocalListener {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the file.
    identity: (u64, u64),
    /// Owner of the socket: the user of this process.
    owner: u32,
}

impl LocalListener {
    /// Binds the socket of a state directory whose store this process holds; a socket that a killed daemon
    /// left is replaced.
    ///
    /// # Errors
    /// Something else with that name, or a directory that cannot be written.
    pub fn bind(state: &Path) -> io::Result<Self> {
        let path = socket_path(state);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(&path)?,
            Ok(_) => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file of that name"));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(Address::of(state)?.path())?;
        fs::set_permissions(&path, Permissions::from_mode(MODE))?;
        let bound = fs::symlink_metadata(&path)?;
        Ok(LocalListener { listener, path, identity: identity(&bound), owner: bound.uid() })
    }

    /// The next connection with its user; `None` for one that is refused or broken.
    pub async fn accept(&self) -> Option<(UnixStream, Arc<Caller>)> {
        let (stream, _) = match self.listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a local connection could not be accepted");
                return None;
            }
        };
        let uid = stream.peer_cred().ok()?.uid();
        if !admits(self.owner, uid) {
            tracing::warn!(uid, "local connection of another user refused");
            return None;
        }
        Some((stream, Arc::new(caller(uid))))
    }
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        // The directory may have been moved away and its name taken by the state of another daemon. What
        // stays behind is replaced at the next start.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(file: &fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Whether a user may connect to a socket of `owner`.
fn admits(owner: u32, uid: u32) -> bool {
    uid == owner || uid == ROOT
}

/// The caller of a local connection. Its name has a colon, which no user of the daemon can have.
fn caller(uid: u32) -> Caller {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = user_name(&users, uid).map_or_else(|| format!("uid {uid}"), str::to_owned);
    Caller {
        name: format!("local:{name}").into(),
        role: Role::Admin,
        jti: "local".into(),
        family: "local".into(),
        expires: Timestamp::MAX,
    }
}

/// Name of a user in the text of `/etc/passwd`.
fn user_name(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

/// Refuses a request that a browser sent, through whatever forwarded it here: it carries no login.
///
/// # Errors
/// 403 for a request with an origin, a cookie or a sign of a browser.
pub fn refuse_browser(headers: &HeaderMap) -> Result<(), Failure> {
    if headers.contains_key(ORIGIN)
        || headers.contains_key(COOKIE)
        || headers.contains_key(SEC_FETCH_SITE)
        || super::addresses::is_forwarded(headers)
    {
        let message = "this socket is for the command line, not for browsers or proxies: use http.listen";
        return Err(Failure::http(StatusCode::FORBIDDEN, "origin_not_allowed", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_user_and_root_are_admitted() {
        assert!(admits(1_000, 1_000) && admits(1_000, 0));
        assert!(!admits(1_000, 1_001) && !admits(0, 1_000));
    }

    #[test]
    fn a_user_is_named_by_the_system() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\n:x:7::\nanna:x:1000:1000::/home/anna:/bin/sh\n";
        assert_eq!(user_name(users, 1_000), Some("anna"));
        assert_eq!(user_name(users, 0), Some("root"));
        assert_eq!(user_name(users, 7), None);
        assert_eq!(user_name(users, 100), None);
    }

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = socket_path(dir.path());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = LocalListener::bind(dir.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        drop(listener);
        assert!(!path.exists());
        fs::write(&path, "x").unwrap();
        assert!(LocalListener::bind(dir.path()).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[tokio::test]
    async fn a_socket_of_another_daemon_at_the_same_path_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (state, moved) = (dir.path().join("state"), dir.path().join("moved"));
        fs::create_dir(&state).unwrap();
        let first = LocalListener::bind(&state).unwrap();
        fs::rename(&state, &moved).unwrap();
        fs::create_dir(&state).unwrap();
        let second = LocalListener::bind(&state).unwrap();
        drop(first);
        assert!(socket_path(&state).exists());
        drop(second);
        assert!(!socket_path(&state).exists());
    }

    #[tokio::test]
    async fn a_long_path_has_a_short_address() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("a".repeat(100)).join("b".repeat(100));
        fs::create_dir_all(&state).unwrap();
        let listener = LocalListener::bind(&state).unwrap();
        assert!(socket_path(&state).exists());
        let address = Address::of(&state).unwrap();
        let (accepted, connected) = tokio::join!(listener.accept(), UnixStream::connect(address.path()));
        assert!(accepted.unwrap().1.name.starts_with("local:") && connected.is_ok());
        drop(listener);
        assert!(!socket_path(&state).exists());
    }

    #[test]
    fn a_browser_is_refused_however_it_came_here() {
        for name in ["origin", "cookie", "sec-fetch-site", "x-forwarded-for", "via"] {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), "x".parse().unwrap());
            assert!(refuse_browser(&headers).is_err(), "{name}");
        }
        assert!(refuse_browser(&HeaderMap::new()).is_ok());
    }
}
