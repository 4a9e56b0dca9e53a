//! Why bytes are not an acceptable signed object.

use shared::strict_json::JsonError;

use super::JoseAlgorithm;

/// The longest accepted token, in bytes. Real ones have 0.7 to 2.5 KiB; two advisories against Go's JOSE libraries
/// began with a token that was split before it was measured.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Which part of a token is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenPart {
    /// The claims set, the second part.
    Claims,
    /// The JOSE header.
    Header,
    /// The signature, the third part.
    Signature,
}

impl std::fmt::Display for TokenPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Claims => "claims",
            Self::Header => "header",
            Self::Signature => "signature",
        })
    }
}

/// Why a signed object is refused no matter who issued it: for its form, its algorithm, its key or its signature. The
/// object itself is never repeated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JoseError {
    /// T1: `alg` is absent, unknown, `none` or symmetric.
    #[error("the token's algorithm {0:?} is not accepted")]
    AlgorithmUnknown(String),
    /// T1: a part is not base64url without padding (RFC 7515 §2), or has stray bits at its end.
    #[error("one part of the token ({0}) is not unpadded base64url")]
    Base64(TokenPart),
    /// A claim is of another JSON type, or empty, or too long.
    #[error("the token's claim {0:?} is not of the required form")]
    ClaimForm(&'static str),
    /// A claim that every token has is absent.
    #[error("the token has no claim {0:?}")]
    ClaimMissing(&'static str),
    /// T1: `crit` asks us to understand extensions; none is known (RFC 7515 §4.1.11).
    #[error("the token's header has \"crit\"")]
    Critical,
    /// T1: a header parameter is of the wrong type.
    #[error("the token's header parameter {0:?} is not a string")]
    HeaderType(&'static str),
    /// T1: a part is not a strict JSON object.
    #[error("the JSON of the token's {part} is not acceptable: {error}")]
    Json {
        /// The part that is not acceptable.
        part: TokenPart,
        /// What is wrong with its JSON.
        error: JsonError,
    },
    /// T1: no `kid`, and not exactly one key of the issuer is made for this algorithm.
    #[error("the token has no kid, and {count} keys of the issuer are for {algorithm}")]
    KeyAmbiguous {
        /// The token's `alg`.
        algorithm: JoseAlgorithm,
        /// How many keys fit.
        count: usize,
    },
    /// T1: the key with this `kid` is not made for this algorithm.
    #[error("the key that the token names is not for {0}")]
    KeyUnsuitable(JoseAlgorithm),
    /// T1: not three parts.
    #[error("the token is not a compact JWS of three parts")]
    Segments,
    /// T1: the signature is not by the key.
    #[error("the token's signature does not verify")]
    Signature,
    /// T1: longer than [`MAX_TOKEN_BYTES`].
    #[error("the token has {length} bytes; at most {MAX_TOKEN_BYTES} are accepted")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// T1: `typ` is neither absent, `JWT` nor `JOSE`; or not the one that a typed token has.
    #[error("the token's type {0:?} is not accepted")]
    Type(String),
}
