//! A timestamp unit: one key, its certificates, what it promises, and the constant part of its tokens.

pub(crate) mod template;

use std::sync::Arc;

use shared::keys::{PublicKey, Signer};
use shared::time::UnixTime;
use shared::x509::{Certificate, Chain, NodePrefix};

use crate::clock_guard::ClockLimits;
use crate::gen_time::{Accuracy, Precision};
use crate::hash_algorithm::HashAlgorithm;
use crate::policy::PolicyOid;
use crate::unit_certificate::{PurposeError, Window, check_issuer, check_unit, key_window};
use template::TokenTemplate;

/// The parts of a unit.
pub struct UnitConfig {
    /// The name: the last part of `/tsa/{unit}`, and its name in the audit log.
    pub name: String,
    /// Its key, which signs nothing but timestamps (RFC 3161 §2.3).
    pub key: Arc<dyn Signer>,
    /// Its certificate, intermediates, root.
    pub chain: Chain,
    /// The policies it issues under. The first is used when a request names none; with no policy, every request is
    /// refused.
    pub policies: Vec<PolicyOid>,
    /// What its tokens promise about genTime.
    pub accuracy: Accuracy,
    /// This node's share of the serial numbers.
    pub node: NodePrefix,
    /// How its tokens are written where RFC 3161 leaves a choice.
    pub form: TokenForm,
}

/// What RFC 3161 leaves open about a token.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TokenForm {
    /// How fine genTime is.
    pub precision: Precision,
    /// Whether tokens state that they are qualified ones (ETSI EN 319 422 §9.1). Only for a unit of a qualified trust
    /// service.
    pub is_qualified: bool,
}

/// A unit whose certificate, chain and key belong together and may be used for timestamps.
pub struct SigningUnit {
    pub(crate) name: String,
    pub(crate) key: Arc<dyn Signer>,
    pub(crate) policies: Vec<PolicyOid>,
    /// The same, dotted, as every record has them.
    pub(crate) policy_texts: Vec<String>,
    pub(crate) accuracy: Accuracy,
    pub(crate) node: NodePrefix,
    pub(crate) form: TokenForm,
    pub(crate) template: TokenTemplate,
    chain: Chain,
    window: Window,
    key_window: Window,
}

/// Why a unit may not sign at a given time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnitTrouble {
    /// A certificate of the chain is not valid yet.
    #[error("the certificate of {subject} is valid only from {from_s} on (seconds since 1970)")]
    CertificateEarly {
        /// The certificate's subject.
        subject: String,
        /// Its first second, since 1970.
        from_s: u64,
    },
    /// A certificate of the chain has expired.
    #[error("the certificate of {subject} expired at {to_s} (seconds since 1970)")]
    CertificateEnded {
        /// The certificate's subject.
        subject: String,
        /// Its last second, since 1970.
        to_s: u64,
    },
    /// The key's period of use has not begun, or is over (RFC 3280 §4.2.1.4).
    #[error("the key may sign only from {from_s} to {to_s} (PrivateKeyUsagePeriod, seconds since 1970)")]
    KeyPeriod {
        /// The first second, since 1970.
        from_s: u64,
        /// The last second, since 1970.
        to_s: u64,
    },
    /// The time is after what genTime can express.
    #[error("genTime cannot express a time after the year 9999")]
    Unwritable,
}

/// Why a unit cannot work.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnitError {
    /// The name does not fit into a path.
    #[error("`{0}` cannot name a timestamp unit; use 1 to 64 characters of a-z, 0-9 and `-`")]
    Name(String),
    /// The certificate is for another key.
    #[error("the unit's certificate is not for its key")]
    Key,
    /// A certificate is not fit for timestamps.
    #[error(transparent)]
    Purpose(#[from] PurposeError),
    /// Chain and key may not be used now.
    #[error("the unit may sign from {from_s} to {to_s} (seconds since 1970); it is {now_s} now")]
    NotValid {
        /// The first second, since 1970.
        from_s: u64,
        /// The last second, since 1970.
        to_s: u64,
        /// The present second.
        now_s: u64,
    },
}

impl SigningUnit {
    /// Checks everything that does not change from request to request, and encodes what all tokens share.
    pub fn new(config: UnitConfig, now: UnixTime) -> Result<Self, UnitError> {
        let UnitConfig { name, key, chain, policies, accuracy, node, form } = config;
        let is_path_segment = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if name.is_empty() || name.len() > 64 || !is_path_segment {
            return Err(UnitError::Name(name));
        }
        if !is_same_key(chain.leaf().public_key(), key.public_key()) {
            return Err(UnitError::Key);
        }
        check_unit(chain.leaf())?;
        for (below, issuer) in chain.certificates()[1..].iter().enumerate() {
            check_issuer(issuer, below)?;
        }
        let key_window = key_window(chain.leaf())?;
        let window = chain.certificates().iter().map(Window::of).fold(key_window, Window::and);
        if !window.contains(now) {
            let (from_s, to_s, now_s) = (window.from.seconds(), window.to.seconds(), now.seconds());
            return Err(UnitError::NotValid { from_s, to_s, now_s });
        }
        let template = TokenTemplate::new(&chain, key.algorithm(), accuracy);
        let policy_texts = policies.iter().map(ToString::to_string).collect();
        Ok(Self { name, key, policies, policy_texts, accuracy, node, form, template, chain, window, key_window })
    }

    /// The unit's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its certificate, intermediates and root.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The policies it issues under.
    pub fn policies(&self) -> &[PolicyOid] {
        &self.policies
    }

    /// What its tokens promise about genTime.
    pub fn accuracy(&self) -> Accuracy {
        self.accuracy
    }

    /// The digest of its signatures.
    pub fn signature_digest(&self) -> HashAlgorithm {
        self.template.digest
    }

    /// How its tokens are written.
    pub fn form(&self) -> TokenForm {
        self.form
    }

    /// Whether all certificates and the key's period of use allow a signature at `at`: checked for every token, since a
    /// process outlives a certificate.
    pub fn may_sign_at(&self, at: UnixTime) -> bool {
        self.window.contains(at)
    }

    /// Why it may not sign at `at`, when it may not.
    pub fn trouble_at(&self, at: UnixTime) -> Option<UnitTrouble> {
        if self.may_sign_at(at) {
            return None;
        }
        let second = at.floor_to_second();
        let ended = |certificate: &&Certificate| second > certificate.not_after();
        let early = |certificate: &&Certificate| second < certificate.not_before();
        let certificates = self.chain.certificates();
        if let Some(certificate) = certificates.iter().find(ended) {
            let (subject, to_s) = (certificate.subject(), certificate.not_after().seconds());
            return Some(UnitTrouble::CertificateEnded { subject, to_s });
        }
        if let Some(certificate) = certificates.iter().find(early) {
            let (subject, from_s) = (certificate.subject(), certificate.not_before().seconds());
            return Some(UnitTrouble::CertificateEarly { subject, from_s });
        }
        let (from_s, to_s) = (self.key_window.from.seconds(), self.key_window.to.seconds());
        Some(UnitTrouble::KeyPeriod { from_s, to_s })
    }

    /// The last moment at which it may sign.
    pub fn last_use(&self) -> UnixTime {
        self.window.to
    }

    /// Whether its key signs too slowly for a thread that serves connections.
    pub fn is_slow(&self) -> bool {
        self.key.is_slow()
    }

    /// Its key, for health checks.
    pub fn key(&self) -> &Arc<dyn Signer> {
        &self.key
    }

    /// Limits for the guard of a clock that serves this unit: not before its certificate, not after its root. A
    /// certificate or key that has ended is the unit's own trouble (systemFailure) and not the clock's.
    pub fn clock_limits(&self) -> ClockLimits {
        ClockLimits::LOCAL.between(self.chain.leaf().not_before(), self.chain.root().not_after())
    }
}

/// Two SubjectPublicKeyInfo may differ in how they spell RSA's parameters; the key bits may not.
fn is_same_key(certified: &PublicKey, held: &PublicKey) -> bool {
    certified.kind() == held.kind() && certified.key_bits() == held.key_bits()
}

#[cfg(test)]
mod tests {
    use const_oid::db::rfc5280;
    use shared::keys::SignatureAlgorithm;

    use super::*;
    use crate::fixture::{CertificateDraft, NOW, config, key, now};

    const P256: SignatureAlgorithm = SignatureAlgorithm::EcdsaP256Sha256;

    fn try_unit(leaf: &CertificateDraft, root: &CertificateDraft, at: UnixTime) -> Result<SigningUnit, UnitError> {
        let (root_key, unit_key) = (key(P256), key(P256));
        let leaf = leaf.sign(unit_key.public_key(), &*root_key);
        let root = root.sign(root_key.public_key(), &*root_key);
        SigningUnit::new(config(unit_key, Chain::new(vec![leaf, root]).unwrap()), at)
    }

    #[test]
    fn only_certificates_for_timestamps_make_a_unit() {
        use PurposeError as P;
        let unit = || CertificateDraft::unit("unit", "root");
        let root = || CertificateDraft::authority("root", "root", None);
        let two = vec![rfc5280::ID_KP_TIME_STAMPING, rfc5280::ID_KP_CODE_SIGNING];
        let other = vec![rfc5280::ID_KP_CODE_SIGNING];
        let critical = "1.3.6.1.4.1.32473.9".parse().unwrap();
        for (what, leaf, root, expected) in [
            ("good", unit(), root(), None),
            ("no key usage", CertificateDraft { key_usage: None, ..unit() }, root(), None),
            ("nonRepudiation", CertificateDraft { key_usage: Some([6, 0xc0]), ..unit() }, root(), None),
            ("authority", CertificateDraft { authority: Some(None), ..unit() }, root(), Some(P::Authority)),
            ("no purpose", CertificateDraft { purposes: vec![], ..unit() }, root(), Some(P::NoExtendedKeyUsage)),
            ("not critical", CertificateDraft { are_purposes_critical: false, ..unit() }, root(), Some(P::NotCritical)),
            ("two purposes", CertificateDraft { purposes: two, ..unit() }, root(), Some(P::OtherPurpose)),
            ("other purpose", CertificateDraft { purposes: other.clone(), ..unit() }, root(), Some(P::OtherPurpose)),
            ("twice", CertificateDraft { is_purpose_repeated: true, ..unit() }, root(), Some(P::Extension)),
            ("keyCertSign", CertificateDraft { key_usage: Some([2, 0x84]), ..unit() }, root(), Some(P::KeyUsage)),
            ("keyAgreement", CertificateDraft { key_usage: Some([3, 0x08]), ..unit() }, root(), Some(P::KeyUsage)),
            (
                "unknown",
                CertificateDraft { unknown_critical: true, ..unit() },
                root(),
                Some(P::CriticalExtension(critical)),
            ),
            ("root for code", unit(), CertificateDraft { purposes: other, ..root() }, Some(P::Issuer)),
            (
                "root signs no certificates",
                unit(),
                CertificateDraft { key_usage: Some([7, 0x80]), ..root() },
                Some(P::Issuer),
            ),
        ] {
            let result = try_unit(&leaf, &root, now()).map(|_| ());
            assert_eq!(result, expected.map_or(Ok(()), |error| Err(error.into())), "{what}");
        }
    }

    #[test]
    fn a_path_length_holds() {
        let keys: Vec<_> = (0..3).map(|_| key(P256)).collect();
        let root = CertificateDraft::authority("root", "root", Some(0)).sign(keys[0].public_key(), &*keys[0]);
        let between = CertificateDraft::authority("between", "root", None).sign(keys[1].public_key(), &*keys[0]);
        let leaf = CertificateDraft::unit("unit", "between").sign(keys[2].public_key(), &*keys[1]);
        let chain = Chain::new(vec![leaf, between, root]).unwrap();
        let error = SigningUnit::new(config(keys[2].clone(), chain), now()).map(|_| ());
        assert_eq!(error, Err(UnitError::Purpose(PurposeError::Issuer)));
    }

    #[test]
    fn every_certificate_must_be_valid() {
        let (from_s, to_s) = (NOW / 1_000 - 10, NOW / 1_000 + 10);
        let leaf = || CertificateDraft::unit("unit", "root");
        let root = CertificateDraft {
            not_before: from_s,
            not_after: to_s,
            ..CertificateDraft::authority("root", "root", None)
        };
        for (at, is_valid) in [(from_s - 1, false), (from_s, true), (to_s, true), (to_s + 1, false)] {
            let result = try_unit(&leaf(), &root, UnixTime::from_seconds(at)).map(|_| ());
            let expected = if is_valid { Ok(()) } else { Err(UnitError::NotValid { from_s, to_s, now_s: at }) };
            assert_eq!(result, expected);
        }
    }

    #[test]
    fn key_and_name_must_fit() {
        let root_key = key(P256);
        let root: Certificate =
            CertificateDraft::authority("root", "root", None).sign(root_key.public_key(), &*root_key);
        let unit_key = key(P256);
        let leaf = CertificateDraft::unit("unit", "root").sign(unit_key.public_key(), &*root_key);
        let chain = Chain::new(vec![leaf, root]).unwrap();
        let another = SigningUnit::new(config(key(P256), chain.clone()), now()).map(|_| ());
        assert_eq!(another, Err(UnitError::Key));
        for name in ["", "Unit", "a/b", "a b", &"a".repeat(65)] {
            let config = UnitConfig { name: name.to_owned(), ..config(unit_key.clone(), chain.clone()) };
            assert_eq!(SigningUnit::new(config, now()).map(|_| ()), Err(UnitError::Name(name.to_owned())));
        }
    }

    #[test]
    fn the_setups_key_period_ends_before_its_certificate() {
        let unit = crate::fixture::unit(P256);
        let leaf = unit.chain().leaf();
        let period = shared::x509::CaSetup::TIMESTAMP_KEY_USE;
        let last = UnixTime::from_millis(NOW - 60_000).plus(period);
        assert!(unit.may_sign_at(last) && last < leaf.not_after());
        assert!(!unit.may_sign_at(last.plus(std::time::Duration::from_secs(1))));
    }
    #[test]
    fn a_unit_says_why_it_may_not_sign() {
        let unit = crate::fixture::unit(P256);
        assert_eq!(unit.trouble_at(now()), None);
        let early = UnixTime::from_millis(NOW - 3_600_000);
        assert!(matches!(unit.trouble_at(early), Some(UnitTrouble::CertificateEarly { .. })));
        let after_key = unit.last_use().plus(std::time::Duration::from_secs(1));
        assert!(matches!(unit.trouble_at(after_key), Some(UnitTrouble::KeyPeriod { .. })));
        let after_root = unit.chain().root().not_after().plus(std::time::Duration::from_secs(1));
        assert!(matches!(unit.trouble_at(after_root), Some(UnitTrouble::CertificateEnded { .. })));
    }
}
