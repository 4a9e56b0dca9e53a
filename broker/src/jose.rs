//! Signed objects (JOSE), apart from what their claims mean: a compact JWS (RFC 7515 §7.1), its header and claims,
//! its algorithms (RFC 7518), and the keys that verify it (RFC 7517).
//!
//! Strict throughout (rule T1): at most 16 KiB, base64url without padding, JSON without duplicate members, asymmetric
//! algorithms only. Tokens, SVIDs, proofs and requests of registrants are all read here.
//!
//! Does not: know an issuer, or the time. Whose key a key is, and whether an object is in force, is for `token` and
//! `svid`.

mod algorithm;
mod claims;
mod compact;
mod error;
mod header;
mod jwks;
mod key_set;
mod verification_key;

pub use algorithm::JoseAlgorithm;
pub use claims::Claims;
pub(crate) use compact::Compact;
pub use error::{JoseError, MAX_TOKEN_BYTES, TokenPart};
pub(crate) use header::Header;
pub use jwks::{JwksError, MAX_JWKS_BYTES, MAX_KEYS, SkipReason, SkippedKey};
pub(crate) use jwks::{parse_uses as parse_jwk_uses, public_key as public_key_of_jwk, uses_of as uses_of_jwk};
pub use key_set::KeySet;
pub(crate) use key_set::Selection;
pub(crate) use verification_key::VerificationKey;

#[cfg(test)]
mod tests;
