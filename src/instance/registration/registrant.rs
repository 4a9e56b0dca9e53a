//! The key of a registrant: made by `privyseal issuer request`, kept by the owner, never sent to the instance.

use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::jose::JoseAlgorithm;
use broker::registration::{Account, Claim, InstanceName, signing_input};
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters, EllipticCurveKeyType, Jwk,
};
use shared::time::UnixTime;
use zeroize::Zeroizing;

use crate::file::{self, FileError, Mode};

/// The label of an unencrypted PKCS#8 key (RFC 7468 §10), which `openssl` and everything else reads.
const LABEL: &str = "PRIVATE KEY";
/// Largest key file.
const MAX_FILE: u64 = 16 * 1024;

/// An ECDSA P-256 key.
pub(crate) struct RegistrantKey(EcdsaKeyPair);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistrantError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(
        "{0} is not an unencrypted PKCS#8 key of ECDSA P-256 in PEM; name another file, or one that does not exist to \
         get a new key"
    )]
    Key(PathBuf),
    #[error("no key could be generated or used")]
    Generate,
}

impl RegistrantKey {
    /// The key in the file; if there is no such file, a new one that only its owner may read. The flag says whether it
    /// is new.
    pub(crate) fn load_or_make(path: &Path) -> Result<(Self, bool), RegistrantError> {
        if path.exists() {
            return Ok((Self::load(path)?, false));
        }
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| RegistrantError::Generate)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| RegistrantError::Generate)?;
        let pem = Zeroizing::new(pem::encode(&pem::Pem::new(LABEL, pkcs8.as_ref())));
        // A bare name has no folder to sync, but the one that we are in.
        file::write_durably(&Path::new(".").join(path), pem.as_bytes(), Mode::Private)?;
        Ok((Self(pair), true))
    }

    fn load(path: &Path) -> Result<Self, RegistrantError> {
        let refuse = || RegistrantError::Key(path.to_owned());
        let text = Zeroizing::new(file::read(path, MAX_FILE)?);
        let pem = pem::parse(text.as_bytes()).ok().filter(|pem| pem.tag() == LABEL).ok_or_else(refuse)?;
        let pkcs8 = Zeroizing::new(pem.into_contents());
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).map(Self).map_err(|_| refuse())
    }

    /// The public half (RFC 7517).
    fn jwk(&self) -> Jwk {
        // An uncompressed point: 4, x, y.
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let algorithm = AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
            key_type: EllipticCurveKeyType::EC,
            curve: EllipticCurve::P256,
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        });
        Jwk { common: CommonParameters::default(), algorithm }
    }

    /// Its thumbprint (RFC 7638), which records name.
    pub(crate) fn account(&self) -> Account {
        Account::of(&self.jwk()).expect("a P-256 key has a thumbprint")
    }

    /// A signed request.
    pub(crate) fn sign(
        &self,
        claim: &Claim,
        instance: &InstanceName,
        now: UnixTime,
    ) -> Result<String, RegistrantError> {
        let jwk = serde_json::to_string(&self.jwk()).expect("texts have JSON");
        let input = signing_input(claim, instance, JoseAlgorithm::Es256, &jwk, now);
        let signature = self.0.sign(&SystemRandom::new(), input.as_bytes()).map_err(|_| RegistrantError::Generate)?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
