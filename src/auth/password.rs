//! Password hashing with argon2id. Verifying takes the same time whether the user exists or not.

use super::random;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Characters that a new password has at least.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Characters of a new password; a longer one is refused.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// Bytes of a password that is checked; a longer one fits none. No accepted password has more.
const PASSWORD_BYTES_MAX: usize = 1_024;
const _: () = assert!(PASSWORD_BYTES_MAX >= 4 * PASSWORD_CHARS_MAX);

/// Memory (KiB), passes and lanes of argon2.
const COST: (u32, u32, u32) = (19 * 1_024, 2, 1);

/// Bytes of a salt and of a hash.
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// Allocated blocks (1 KiB each), more than a hash uses. The allocator returns more than 32 MiB to the kernel
/// at once, but would keep the 19 MiB of a hash in every thread that ever checked a password.
const ROOM: usize = 33 * 1_024;

/// A hash at the usual cost whose password nobody knows. Passwords of unknown users are verified against it.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGtub3dzIGl0IQ$R1LdmzpB0ODyAFJwYcpj3zBFlfF7xT0L1f+oBcnqKuI";

/// What is wrong with a new password, if anything.
pub fn problem(password: &str) -> Option<String> {
    match password.chars().count() {
        chars if chars < PASSWORD_CHARS_MIN => {
            Some(format!("has {chars} characters, at least {PASSWORD_CHARS_MIN} are needed"))
        }
        chars if chars > PASSWORD_CHARS_MAX => {
            Some(format!("has {chars} characters, at most {PASSWORD_CHARS_MAX} are taken"))
        }
        _ => None,
    }
}

/// Hashes a password with a new salt, as text that contains algorithm and cost. Takes tens of milliseconds
/// and 19 MiB. The password must have passed [`problem`].
pub fn hash(password: &str) -> String {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None)
        .expect("the cost is a constant that is in range, see the tests");
    let salt = Salt::new(&random::<SALT_BYTES>()).expect("16 bytes are a salt");
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let output = output(&argon, password, &salt, OUTPUT_BYTES).expect("the password's length was checked");
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).expect("parameters that are in range can be written"),
        salt: Some(salt),
        hash: Some(output),
    };
    hash.to_string()
}

/// Whether a password matches the hash. With `None` (unknown user) it returns false after the same work.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    // A longer password cannot be valid and must not cost more work.
    let (password, possible) =
        if password.len() <= PASSWORD_BYTES_MAX { (password, true) } else { ("", false) };
    let same = fits(password, hash.unwrap_or(NOBODY)).unwrap_or(false);
    same && possible && hash.is_some()
}

/// Whether a password matches the hash; `None` if the hash cannot be parsed. Compares in constant time.
fn fits(password: &str, hash: &str) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let argon = Argon2::new(
        Algorithm::try_from(hash.algorithm.as_str()).ok()?,
        version,
        Params::try_from(&hash).ok()?,
    );
    let (salt, known) = (hash.salt?, hash.hash?);
    Some(output(&argon, password, &salt, known.len())? == known)
}

/// Runs argon2; `None` when the password or the salt is out of range.
fn output(argon: &Argon2<'_>, password: &str, salt: &[u8], bytes: usize) -> Option<Output> {
    let blocks = argon.params().block_count();
    let mut memory = Vec::with_capacity(blocks.max(ROOM));
    memory.resize(blocks, Block::new());
    let mut output = vec![0; bytes];
    argon.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, &mut memory[..]).ok()?;
    Output::new(&output).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_password_of_wide_characters_fits_the_bound() {
        let longest = "\u{10ffff}".repeat(PASSWORD_CHARS_MAX);
        assert_eq!(problem(&longest), None);
        assert!(verify(&longest, Some(&hash(&longest))));
        assert!(
            problem(&"x".repeat(PASSWORD_CHARS_MAX + 1)).is_some_and(|said| said.contains("257 characters"))
        );
    }

    #[test]
    fn a_short_password_of_wide_characters_is_short() {
        assert_eq!(problem("żółćżółćż").as_deref(), Some("has 9 characters, at least 10 are needed"));
        assert_eq!(problem("żółćżółćżó"), None);
    }

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let kept = hash("correct horse battery");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(verify("correct horse battery", Some(&kept)));
        for other in [
            "correct horse batter",
            "correct horse battery ",
            "Correct horse battery",
            "",
            &"x".repeat(PASSWORD_BYTES_MAX + 1),
        ] {
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
    fn it_is_the_hash_of_the_library() {
        use argon2::{PasswordHasher, PasswordVerifier};
        let password = "correct horse battery";
        assert!(Argon2::default().verify_password(password.as_bytes(), hash(password).as_str()).is_ok());
        let theirs: PasswordHash = Argon2::default().hash_password(password.as_bytes()).unwrap();
        assert!(verify(password, Some(&theirs.to_string())));
        assert!(!verify("correct horse battery staple", Some(&theirs.to_string())));
    }

    #[test]
    fn lengths_are_told() {
        assert_eq!(problem("0123456789"), None);
        assert!(problem("012345678").unwrap().contains("at least 10"));
    }
}
