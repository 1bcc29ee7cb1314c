//! Passwords: hashed with argon2id, compared with the same work whether there is a user or not.

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};

/// Shortest password that is accepted, in bytes.
pub const PASSWORD_BYTES_MIN: usize = 10;
/// Longest password that is accepted, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// Memory (KiB), passes and lanes of a hash.
const COST: (u32, u32, u32) = (19 * 1_024, 2, 1);

/// A hash of no password that anybody knows, with the cost of every other: what an unknown user's password is
/// compared with.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGtub3dzIGl0IQ$R1LdmzpB0ODyAFJwYcpj3zBFlfF7xT0L1f+oBcnqKuI";

/// What is wrong with a new password; `None` when nothing is.
pub fn problem(password: &str) -> Option<String> {
    match password.len() {
        bytes if bytes < PASSWORD_BYTES_MIN => Some(format!("has {bytes} bytes, at least {PASSWORD_BYTES_MIN} are needed")),
        bytes if bytes > PASSWORD_BYTES_MAX => Some(format!("has {bytes} bytes, at most {PASSWORD_BYTES_MAX} are taken")),
        _ => None,
    }
}

/// The hash of a password with a salt of its own, as text that names algorithm and cost. Takes tens of milliseconds and
/// 19 MiB. The password must have passed [`problem`].
pub fn hash(password: &str) -> String {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).expect("the cost is a constant that is in range, see the tests");
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = argon.hash_password(password.as_bytes()).expect("the password's length was checked and memory is there");
    hash.to_string()
}

/// Whether a password has this hash. `None`: there is no such user; the answer is no after the same work.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    // A password that is too long is nobody's, and must not buy more work.
    let (password, possible) = if password.len() <= PASSWORD_BYTES_MAX { (password, true) } else { ("", false) };
    let same = Argon2::default().verify_password(password.as_bytes(), hash.unwrap_or(NOBODY)).is_ok();
    same && possible && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let kept = hash("correct horse battery");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(verify("correct horse battery", Some(&kept)));
        for other in ["correct horse batter", "correct horse battery ", "Correct horse battery", "", &"x".repeat(PASSWORD_BYTES_MAX + 1)] {
            assert!(!verify(other, Some(&kept)), "{other}");
        }
        assert_ne!(kept, hash("correct horse battery"), "every hash has its own salt");
    }

    #[test]
    fn nobody_has_a_password_and_costs_as_much_as_somebody() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let somebody = hash("correct horse battery");
        let somebody = PasswordHash::new(&somebody).unwrap();
        assert_eq!((nobody.algorithm, nobody.version), (somebody.algorithm, somebody.version));
        assert_eq!(nobody.params, somebody.params);
        assert_eq!(nobody.hash.unwrap().len(), somebody.hash.unwrap().len());
        assert!(!verify("correct horse battery", None));
        assert!(!verify("correct horse battery", Some("not a hash")));
    }

    #[test]
    fn lengths_are_told() {
        assert_eq!(problem("0123456789"), None);
        assert_eq!(problem(&"x".repeat(1_024)), None);
        assert!(problem("012345678").unwrap().contains("at least 10"));
        assert!(problem(&"x".repeat(1_025)).unwrap().contains("at most 1024"));
    }
}
