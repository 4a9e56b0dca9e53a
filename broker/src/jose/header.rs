//! The JOSE header of a token.

use shared::excerpt::excerpt;
use shared::strict_json::{Json, Object, parse_object};

use super::{JoseAlgorithm, JoseError, MAX_TOKEN_BYTES, TokenPart};

/// How much of a header's text a refusal repeats, in characters.
const MAX_EXCERPT: usize = 120;

/// What we take from a header. `jku`, `jwk`, `x5u` and `x5c` would let the sender choose the key: they are not looked
/// at.
pub(crate) struct Header {
    pub(crate) algorithm: JoseAlgorithm,
    pub(crate) kid: Option<String>,
    /// The first parameter beside `alg`, `kid` and `typ`. Most issuers may have some; a JWT-SVID may not.
    pub(crate) foreign: Option<String>,
}

impl Header {
    /// Reads the header of a bearer token. A token with another `typ` is refused.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, JoseError> {
        Self::read(json, |typ| matches!(typ, None | Some("JWT" | "JOSE")))
    }

    /// Of a token that says what it is (RFC 8725 §3.11).
    pub(crate) fn parse_typed(json: &[u8], typ: &str) -> Result<Self, JoseError> {
        Self::read(json, |found| found == Some(typ))
    }

    fn read(json: &[u8], is_type: impl FnOnce(Option<&str>) -> bool) -> Result<Self, JoseError> {
        let members =
            parse_object(json, MAX_TOKEN_BYTES).map_err(|error| JoseError::Json { part: TokenPart::Header, error })?;
        if members.contains_key("crit") {
            return Err(JoseError::Critical);
        }
        let typ = string(&members, "typ")?;
        if !is_type(typ) {
            return Err(JoseError::Type(excerpt(typ.unwrap_or_default(), MAX_EXCERPT)));
        }
        let name = string(&members, "alg")?.unwrap_or_default();
        let algorithm =
            JoseAlgorithm::parse(name).ok_or_else(|| JoseError::AlgorithmUnknown(excerpt(name, MAX_EXCERPT)))?;
        let kid = string(&members, "kid")?.map(str::to_owned);
        let is_foreign = |name: &&String| !["alg", "kid", "typ"].contains(&name.as_str());
        let foreign = members.keys().find(is_foreign).map(|name| excerpt(name, MAX_EXCERPT));
        Ok(Self { algorithm, kid, foreign })
    }
}

fn string<'a>(members: &'a Object, name: &'static str) -> Result<Option<&'a str>, JoseError> {
    match members.get(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(JoseError::HeaderType(name)),
    }
}
