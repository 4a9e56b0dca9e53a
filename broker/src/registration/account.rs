//! The registrant's key, known by its thumbprint.

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters, EllipticCurveKeyType, Jwk,
    OctetKeyPairParameters, OctetKeyPairType, RSAKeyParameters, RSAKeyType, ThumbprintHash,
};
use shared::strict_json::{Json, Object};

use super::excerpt::excerpt;
use crate::jose::{JoseAlgorithm, SkipReason, parse_jwk_uses};

/// Who registers: the thumbprint of a public key (RFC 7638 with SHA-256), unpadded base64url. A domain names it in its
/// record, so nobody else can use that record.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Account(Box<str>);

/// The text is no thumbprint.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not an account: the SHA-256 thumbprint of a key, 43 characters of base64url")]
pub struct AccountError(String);

impl Account {
    /// Reads a thumbprint.
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(text.into())),
            _ => Err(AccountError(excerpt(text))),
        }
    }

    /// The account of a key. None if the members of the key do not fit each other.
    pub fn of(jwk: &Jwk) -> Option<Self> {
        jwk.thumbprint(ThumbprintHash::SHA256).ok().map(|thumbprint| Self(thumbprint.into()))
    }

    /// The thumbprint.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A registrant's public key, as a JWK showed it.
pub(super) struct AccountKey {
    uses: Vec<(JoseAlgorithm, ParsedPublicKey)>,
    account: Account,
}

impl AccountKey {
    /// Reads a JWK by the same rules as an issuer's keys.
    pub(super) fn parse(jwk: &Object) -> Result<Self, SkipReason> {
        let uses = parse_jwk_uses(jwk)?;
        Ok(Self { uses, account: account_of(jwk).ok_or(SkipReason::Unfit)? })
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// The key for one algorithm, if it is made for that.
    pub(super) fn for_algorithm(&self, algorithm: JoseAlgorithm) -> Option<&ParsedPublicKey> {
        self.uses.iter().find(|(fits, _)| *fits == algorithm).map(|(_, key)| key)
    }
}

/// The library computes the thumbprint, but does not read the document: its reader would take members that occur twice,
/// and a key with its private half. Ours refuses both, and has seen to it that the values are base64url or names of
/// curves, so that nothing in what is hashed needs escaping (RFC 7638 §3.2).
fn account_of(jwk: &Object) -> Option<Account> {
    let text = |name: &str| jwk.get(name).and_then(Json::as_str).map(str::to_owned);
    let algorithm = match text("kty")?.as_str() {
        "EC" => AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
            key_type: EllipticCurveKeyType::EC,
            curve: match text("crv")?.as_str() {
                "P-256" => EllipticCurve::P256,
                "P-384" => EllipticCurve::P384,
                "P-521" => EllipticCurve::P521,
                _ => return None,
            },
            x: text("x")?,
            y: text("y")?,
        }),
        "OKP" => AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
            key_type: OctetKeyPairType::OctetKeyPair,
            curve: if text("crv")? == "Ed25519" { EllipticCurve::Ed25519 } else { return None },
            x: text("x")?,
        }),
        "RSA" => AlgorithmParameters::RSA(RSAKeyParameters { key_type: RSAKeyType::RSA, n: text("n")?, e: text("e")? }),
        _ => return None,
    };
    Account::of(&Jwk { common: CommonParameters::default(), algorithm })
}

#[cfg(test)]
mod tests {
    use shared::digest::sha256;
    use shared::strict_json::parse_object;

    use super::*;
    use crate::token::mint::TestKey;

    #[test]
    fn the_example_of_the_standard() {
        // RFC 7638 §3.1.
        let jwk = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
        let key = AccountKey::parse(&parse_object(jwk.as_bytes(), 4096).expect("is JSON")).expect("is a key");
        assert_eq!(key.account().as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(Account::parse(key.account().as_str()).as_ref(), Ok(key.account()));
    }

    /// Of every kind of key, P-521 too: what RFC 7638 §3.2 hashes, by hand.
    #[test]
    fn the_library_hashes_the_required_members() {
        for algorithm in JoseAlgorithm::ALL {
            let jwk = TestKey::generate(algorithm).jwk("k", r#","use":"sig""#);
            let jwk = parse_object(jwk.as_bytes(), 4096).expect("is JSON");
            let names: &[&str] = match jwk["kty"].as_str().expect("a kind") {
                "EC" => &["crv", "kty", "x", "y"],
                "OKP" => &["crv", "kty", "x"],
                _ => &["e", "kty", "n"],
            };
            let member = |name: &&str| format!(r#""{name}":"{}""#, jwk[*name].as_str().expect("a string"));
            let canonical = format!("{{{}}}", names.iter().map(member).collect::<Vec<_>>().join(","));
            let key = AccountKey::parse(&jwk).expect("is a key");
            assert_eq!(key.account().as_str(), URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes())));
        }
    }

    #[test]
    fn an_account_is_a_thumbprint() {
        for bad in
            ["", "abc", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9X", "NzbLsXh8uDCcd+6MNwXF4W/7noWXFZAfHkxZsRGC9Xs"]
        {
            assert!(Account::parse(bad).is_err(), "{bad}");
        }
    }
}
