//! Passwords: their rules, and Argon2id (RFC 9106) in the PHC string format.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use shared::random::Random;
use shared::secret::Secret;

/// 19 MiB, two passes, one lane: the lowest setting that OWASP recommends, so that an instance on a small machine can
/// serve several logins at once.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT: usize = 16;
/// NIST SP 800-63B §3.1.1.2 asks for 15 where a password is all there is, and 8 beside a second factor; 12 as our
/// least.
const MIN_CHARACTERS: usize = 12;
const MAX_BYTES: usize = 1024;

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PasswordError {
    /// It is the user's own address.
    #[error("a password must not be the e-mail address or a part of it")]
    Address,
    /// Longer than anyone types; hashing reads all of it first.
    #[error("a password of {bytes} bytes is over the limit of {MAX_BYTES}")]
    Long {
        /// Its length in bytes.
        bytes: usize,
    },
    /// All the same character.
    #[error("a password must not repeat one character only")]
    Monotonous,
    /// Too short.
    #[error("a password must have at least {MIN_CHARACTERS} characters, this one has {characters}")]
    Short {
        /// Its length in characters.
        characters: usize,
    },
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("constants within Argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn check(password: &str, email: &str) -> Result<(), PasswordError> {
    let characters = password.chars().count();
    if password.len() > MAX_BYTES {
        return Err(PasswordError::Long { bytes: password.len() });
    }
    if characters < MIN_CHARACTERS {
        return Err(PasswordError::Short { characters });
    }
    let first = password.chars().next();
    if password.chars().all(|c| Some(c) == first) {
        return Err(PasswordError::Monotonous);
    }
    if email.contains(&password.to_ascii_lowercase()) {
        return Err(PasswordError::Address);
    }
    Ok(())
}

/// The PHC string of a password that keeps the rules.
pub(super) fn hash(password: &Secret<String>, email: &str, random: &dyn Random) -> Result<String, PasswordError> {
    check(password.expose(), email)?;
    Ok(hash_unchecked(password.expose(), random))
}

fn hash_unchecked(password: &str, random: &dyn Random) -> String {
    let salt = random.bytes::<SALT>();
    let hash: PasswordHash =
        argon2().hash_password_with_salt(password.as_bytes(), &salt).expect("the salt and parameters are constants");
    hash.to_string()
}

/// Whether `password` is the one that was hashed. The parameters are the hash's own, so old hashes live on when ours
/// change.
pub(super) fn verify(password: &Secret<String>, hash: &str) -> bool {
    let password = password.expose();
    match PasswordHash::new(hash) {
        // A longer one cannot have been set, and is not worth reading.
        Ok(hash) if password.len() <= MAX_BYTES => argon2().verify_password(password.as_bytes(), &hash).is_ok(),
        Ok(_) | Err(_) => false,
    }
}

/// The hash of a random password, compared when there is no such user.
pub(super) fn decoy(random: &dyn Random) -> String {
    hash_unchecked(&hex::encode(random.bytes::<16>()), random)
}

/// A password for a user who did not choose one: 25 characters in five groups, 125 bits, none of them mistaken for
/// another.
pub fn generate_password(random: &dyn Random) -> Secret<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    const GROUPS: usize = 5;
    let bytes = random.bytes::<25>();
    let mut password = String::with_capacity(bytes.len() + GROUPS);
    for (place, byte) in bytes.iter().enumerate() {
        if place > 0 && place % GROUPS == 0 {
            password.push('-');
        }
        password.push(char::from(ALPHABET[usize::from(byte & 31)]));
    }
    Secret::new(password)
}

#[cfg(test)]
mod tests {
    use shared::random::SystemRandom;

    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn rules() {
        for (password, expected) in [
            ("elevenchars", Err(PasswordError::Short { characters: 11 })),
            ("twelve chars", Ok(())),
            ("zwölf Zeichen", Ok(())),
            ("aaaaaaaaaaaaaa", Err(PasswordError::Monotonous)),
            ("Alice@Example.com", Err(PasswordError::Address)),
            (&"x1".repeat(513), Err(PasswordError::Long { bytes: 1026 })),
        ] {
            assert_eq!(check(password, "alice@example.com"), expected, "{password}");
        }
    }

    #[test]
    fn hashes_are_argon2id_with_our_parameters_and_verify() {
        let hash = hash(&secret("correct horse battery"), "a@b.c", &SystemRandom).expect("good password");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify(&secret("correct horse battery"), &hash));
        assert!(!verify(&secret("correct horse batterz"), &hash));
        assert!(!verify(&secret("correct horse battery"), "not a hash"));
    }

    #[test]
    fn generated_ones_keep_the_rules_and_differ() {
        let (one, two) = (generate_password(&SystemRandom), generate_password(&SystemRandom));
        assert_eq!(one.expose().len(), 29);
        assert_ne!(one.expose(), two.expose());
        assert_eq!(check(one.expose(), "a@b.c"), Ok(()));
    }
}
