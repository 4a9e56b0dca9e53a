//! The claims of a token (RFC 7519 §4).

use shared::strict_json::{Json, Object, parse_object};

use super::{JoseError, MAX_TOKEN_BYTES, TokenPart};

/// The members of the claims object. Numbers keep their digits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claims(Object);

impl Claims {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, JoseError> {
        parse_object(json, MAX_TOKEN_BYTES)
            .map(Self)
            .map_err(|error| JoseError::Json { part: TokenPart::Claims, error })
    }

    /// The claim of that name, of any type.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name)
    }

    /// Every claim.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Json)> {
        self.0.iter()
    }

    /// The claim at the end of a path of member names: `["kubernetes.io", "namespace"]`.
    pub fn at(&self, path: &[impl AsRef<str>]) -> Option<&Json> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(first.as_ref())?, |value, name| value.as_object()?.get(name.as_ref()))
    }

    /// The claim of that name, if it is a string.
    pub fn string(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Json::as_str)
    }

    pub(crate) fn required_string(&self, name: &'static str) -> Result<&str, JoseError> {
        let value = self.get(name).ok_or(JoseError::ClaimMissing(name))?;
        value.as_str().filter(|text| !text.is_empty()).ok_or(JoseError::ClaimForm(name))
    }

    /// `aud` is a string or an array of strings (RFC 7519 §4.1.3).
    pub(crate) fn audiences(&self) -> Result<Vec<&str>, JoseError> {
        match self.get("aud").ok_or(JoseError::ClaimMissing("aud"))? {
            Json::String(only) => Ok(vec![only]),
            Json::Array(several) if !several.is_empty() => {
                several.iter().map(|one| one.as_str().ok_or(JoseError::ClaimForm("aud"))).collect()
            }
            _ => Err(JoseError::ClaimForm("aud")),
        }
    }

    /// Seconds since the epoch, cut to whole ones: RFC 7519 §2 allows a fraction. Signs and exponents are refused.
    pub(crate) fn numeric_date(&self, name: &'static str) -> Result<Option<u64>, JoseError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let Json::Number(text) = value else { return Err(JoseError::ClaimForm(name)) };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(JoseError::ClaimForm(name));
        }
        whole.parse().map(Some).map_err(|_| JoseError::ClaimForm(name))
    }
}
