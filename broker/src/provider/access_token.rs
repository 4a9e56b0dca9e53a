//! The access token of clients whose access token is not the ID token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use shared::keys::SealingKey;
use shared::random::Random;

use super::claims::PersonClaims;

const CONTEXT: &[u8] = b"access token";

/// The sealed access token of clients whose access token is not the ID token. Only we can read it, and it opens nothing
/// but `userinfo`: it can never be taken for an ID token (RFC 9068 §5 has the same aim with `typ`).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct SealedAccess {
    pub(super) grant: String,
    pub(super) client: String,
    pub(super) subject: String,
    pub(super) exp: u64,
    pub(super) person: PersonClaims,
}

impl SealedAccess {
    pub(super) fn seal(&self, key: &SealingKey, random: &dyn Random) -> String {
        let plain = serde_json::to_vec(self).expect("strings and numbers always encode");
        URL_SAFE_NO_PAD.encode(key.seal(CONTEXT, &plain, random))
    }

    /// `None` for anything that we have not sealed.
    pub(super) fn open(token: &str, key: &SealingKey) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        serde_json::from_slice(&key.open(CONTEXT, &sealed).ok()?).ok()
    }
}
