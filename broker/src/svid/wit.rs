//! WIT-SVIDs (WIT-SVID §2 to §5): a token that names the key of its holder, and is worth nothing without a proof by it.
//!
//! It is no bearer token and looks like none: its type keeps it out of every place where a JWT-SVID or an identity
//! token is taken, and theirs keeps them out of here. Only the proof names the audience.

use std::sync::Arc;

use shared::digest::sha256;
use shared::strict_json::Json;
use shared::time::UnixTime;

use super::proof_token::HolderKey;
use super::{NeedsBundle, ProofTokenError, UnverifiedProofToken, Verified, VerifiedSvid};
use crate::jose::{Claims, Compact, Header, JoseAlgorithm, JoseError, Selection, SkipReason, parse_jwk_uses};
use crate::names::{NameError, Rule, SpiffeId};
use crate::token::{LEEWAY, TokenError};
use crate::trust_domain::{SvidKind, TrustDomainRecord, Unusable};

/// A well-formed WIT-SVID that is not verified yet.
pub struct UnverifiedWitSvid {
    compact: Compact,
    algorithm: JoseAlgorithm,
    kid: String,
    claims: Claims,
    id: SpiffeId,
    holder: HolderKey,
}

/// The result of verifying a WIT-SVID.
#[derive(Debug)]
pub enum WitVerification {
    /// It verifies with the trust domain's bundle, and its holder made the proof for us.
    Verified(VerifiedSvid),
    /// The bundle cannot be used now, or lacks the key. Token and proof may be verified again when there is
    /// another.
    NeedsBundle(NeedsBundle),
}

/// Why a WIT-SVID is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WitSvidError {
    /// T1, T4: the rules for every token.
    #[error("the WIT-SVID: {0}")]
    Token(#[from] TokenError),
    /// S0 to S8: `sub` is no SPIFFE ID of a workload.
    #[error("the sub of the WIT-SVID is not a SPIFFE ID: {0}")]
    Name(#[from] NameError),
    /// W1: WIT-SVID §2.1 makes `kid` mandatory.
    #[error("the header of the WIT-SVID has no kid (WIT-SVID 2.1)")]
    NoKid,
    /// W1: WIT-SVID §3.8. The proof names the audience.
    #[error("the WIT-SVID has an aud, which it may not have (WIT-SVID 3.8)")]
    Audience,
    /// W1: no key of the holder, which makes it a bearer token.
    #[error("the WIT-SVID has no cnf.jwk with an alg of WIT-SVID 3.2")]
    NoHolderKey,
    /// W1: a key of the holder that cannot verify anything.
    #[error("the key in cnf.jwk of the WIT-SVID cannot be used: {0}")]
    HolderKey(SkipReason),
    /// W1: no record, or one that accepts no WIT-SVIDs.
    #[error("the trust domain {0} is not registered here for WIT-SVIDs")]
    TrustDomain(String),
    /// W1: everything is withdrawn, or the trust domain makes none.
    #[error("the bundle of the trust domain {0} has no key for WIT-SVIDs")]
    BundleEmpty(String),
    /// W1: not signed by the key of the bundle that it names.
    #[error("the WIT-SVID is not signed by the key of the bundle of {0} that it names")]
    Signature(String),
    /// W2: the proof beside it.
    #[error(transparent)]
    Proof(#[from] ProofTokenError),
}

impl From<JoseError> for WitSvidError {
    fn from(error: JoseError) -> Self {
        Self::Token(error.into())
    }
}

impl WitSvidError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::Token(error) => error.rule(),
            Self::Name(error) => error.rule(),
            Self::NoKid
            | Self::Audience
            | Self::NoHolderKey
            | Self::HolderKey(_)
            | Self::TrustDomain(_)
            | Self::BundleEmpty(_)
            | Self::Signature(_) => Rule::W1,
            Self::Proof(error) => error.rule(),
        }
    }
}

impl UnverifiedWitSvid {
    /// The `typ` of its header.
    pub const TYPE: &'static str = "wit+jwt";

    /// Reads the token: everything that is known without a bundle. Unknown header parameters mean nothing (WIT-SVID
    /// §2.4).
    pub fn parse(text: &[u8]) -> Result<Self, WitSvidError> {
        let compact = Compact::parse(text)?;
        let header = Header::parse_typed(&compact.decode_header()?, Self::TYPE)?;
        let kid = header.kid.filter(|kid| !kid.is_empty()).ok_or(WitSvidError::NoKid)?;
        let claims = Claims::parse(&compact.decode_claims()?)?;
        let id = SpiffeId::parse(claims.required_string("sub")?)?;
        if claims.get("aud").is_some() {
            return Err(WitSvidError::Audience);
        }
        let holder = read_holder_key(&claims)?;
        Ok(Self { compact, algorithm: header.algorithm, kid, claims, id, holder })
    }

    /// The SPIFFE ID in it, not verified: only for finding the record.
    pub fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// The characters of the token, which the proof names by their hash.
    fn sha256(&self) -> [u8; 32] {
        sha256(self.compact.bytes())
    }

    /// Verifies it with the bundle of `record`'s trust domain, and `proof` with the key in it, at `now`. `target` is
    /// our own URL of the requested resource.
    pub fn verify(
        &self,
        proof: &UnverifiedProofToken,
        target: &str,
        record: &Arc<TrustDomainRecord>,
        now: UnixTime,
    ) -> Result<WitVerification, WitSvidError> {
        if record.name() != self.id.trust_domain() || !record.accepts().wit {
            return Err(WitSvidError::TrustDomain(self.id.trust_domain().to_string()));
        }
        if !record.allows(self.algorithm) {
            let (issuer, algorithm) = (record.name().to_string(), self.algorithm);
            return Err(TokenError::AlgorithmNotAllowed { issuer, algorithm }.into());
        }
        let expires_at = self.check_times(record, now)?;
        let needs =
            |why: Option<Unusable>| Ok(WitVerification::NeedsBundle(NeedsBundle { record: Arc::clone(record), why }));
        let bundle = match record.bundle(now) {
            Ok(bundle) => bundle,
            Err(why) => return needs(Some(why)),
        };
        if bundle.wit_keys().is_empty() {
            return Err(WitSvidError::BundleEmpty(record.name().to_string()));
        }
        let bad_signature = || WitSvidError::Signature(record.name().to_string());
        match bundle.wit_keys().select(Some(&self.kid), self.algorithm, now) {
            Selection::Key(key) => {
                let signature = self.compact.decode_signature()?;
                key.verify_sig(self.compact.signing_input(), &signature).map_err(|_| bad_signature())?;
            }
            Selection::Unsuitable => return Err(bad_signature()),
            Selection::Unknown | Selection::Ambiguous(_) => return needs(None),
        }
        let sha256 = self.sha256();
        let proof = proof.verify(&self.holder, &sha256, target, now)?;
        let verified = Verified {
            id: self.id.clone(),
            document: SvidKind::Wit,
            expires_at,
            sha256,
            use_sha256: sha256,
            proof: Some(proof),
        };
        Ok(WitVerification::Verified(VerifiedSvid::new(record, verified)))
    }

    /// T4. WIT-SVID §3.6: `iat` is for auditors and delays nothing; how long it lives is counted from `nbf`
    /// (§3.5), and where that is absent from `iat`.
    fn check_times(&self, record: &TrustDomainRecord, now: UnixTime) -> Result<UnixTime, TokenError> {
        let (now, leeway) = (now.seconds(), LEEWAY.as_secs());
        let expires_at = self.claims.numeric_date("exp")?.ok_or(JoseError::ClaimMissing("exp"))?;
        if expires_at.saturating_add(leeway) <= now {
            return Err(TokenError::Expired { expired_at: expires_at, now });
        }
        let not_before = self.claims.numeric_date("nbf")?;
        if let Some(at) = not_before.filter(|&at| at > now.saturating_add(leeway)) {
            return Err(TokenError::NotYet { claim: "nbf", at, now });
        }
        let begins_at = not_before.or(self.claims.numeric_date("iat")?).map_or(now, |at| at.min(now));
        let seconds = expires_at.saturating_sub(begins_at);
        let limit = record.max_svid_lifetime().as_secs();
        // `nbf` may be set back a little for clocks that are slow.
        if seconds > limit.saturating_add(leeway) {
            return Err(TokenError::Lifetime { seconds, limit });
        }
        Ok(UnixTime::from_seconds(expires_at))
    }
}

/// RFC 7800 §3.2, WIT-SVID §3.2.
fn read_holder_key(claims: &Claims) -> Result<HolderKey, WitSvidError> {
    let jwk = claims.at(&["cnf", "jwk"]).and_then(Json::as_object).ok_or(WitSvidError::NoHolderKey)?;
    let name = jwk.get("alg").and_then(Json::as_str).ok_or(WitSvidError::NoHolderKey)?;
    let algorithm = JoseAlgorithm::SPIFFE.into_iter().find(|algorithm| algorithm.name() == name);
    let algorithm = algorithm.ok_or(WitSvidError::NoHolderKey)?;
    // The entry's own `alg` leaves exactly this one use open, or none if the key is of another kind.
    let uses = parse_jwk_uses(jwk).map_err(WitSvidError::HolderKey)?;
    let key = uses.into_iter().find(|(used, _)| *used == algorithm).map(|(_, key)| key);
    Ok(HolderKey { algorithm, key: key.ok_or(WitSvidError::HolderKey(SkipReason::OtherUse))? })
}
