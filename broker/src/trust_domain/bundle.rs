//! SPIFFE bundles: JWK Sets with the keys that sign the SVIDs of a trust domain.
//!
//! SPIFFE Trust Domain and Bundle §4, X509-SVID §6, JWT-SVID §6. What a consumer must ignore is left out and counted;
//! what makes the whole doubtful (a member twice, two keys of one `kid`) refuses the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use shared::digest::sha256;
use shared::excerpt::excerpt;
use shared::keys::PublicKey;
use shared::strict_json::{Json, JsonError, Object, parse_object};
use shared::time::UnixTime;
use shared::x509::Certificate;
use x509_cert::ext::pkix::BasicConstraints;

use super::SvidKind;
use super::authority::{BundleAuthority, may_issue_svids};
use crate::jose::{KeySet, SkipReason, VerificationKey, public_key_of_jwk, uses_of_jwk};
use crate::names::{NameError, Rule, TrustDomain};

/// The longest bundle that is read.
pub const MAX_BUNDLE_BYTES: usize = 1 << 20;
/// The most entries that one bundle may have. SPIRE's has two or four; an enterprise with old roots may have dozens.
const MAX_ENTRIES: usize = 256;
/// The most trust domains in one map.
const MAX_TRUST_DOMAINS: usize = 10_000;

/// The keys of one trust domain, parsed once.
#[derive(Debug, Default)]
pub struct Bundle {
    /// In the order of `anchors`, which webpki wants beside each other.
    authorities: Vec<BundleAuthority>,
    anchors: Vec<TrustAnchor<'static>>,
    jwt_keys: KeySet,
    wit_keys: KeySet,
    sequence: Option<u64>,
    refresh_hint: Option<Duration>,
    skipped: Vec<SkippedEntry>,
    fingerprints: BTreeSet<[u8; 32]>,
    listed: Vec<ListedKey>,
}

/// A key of a bundle, as people compare it with what the trust domain's own operator sees.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedKey {
    /// The kind of SVIDs that it signs.
    pub document: SvidKind,
    /// Its `kid`, or the subject of its certificate.
    pub name: String,
    /// SHA-256 of its certificate, as `openssl x509 -fingerprint -sha256` says; of a key without one the same as
    /// `spki_sha256`.
    pub sha256: [u8; 32],
    /// SHA-256 of its SubjectPublicKeyInfo, as refusals and audit records name it.
    pub spki_sha256: [u8; 32],
    /// The end of its certificate.
    pub not_after: Option<UnixTime>,
}

/// An entry that was left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SkippedEntry {
    /// Its place in `keys`, from zero.
    pub index: usize,
    /// Why the entry is skipped.
    pub reason: SkippedUse,
}

/// Why an entry is skipped.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SkippedUse {
    /// `use` is absent or none that we know (Trust Domain and Bundle §4.2.2).
    #[error("its use is not supported")]
    Use,
    /// `x5c` is absent, empty, or its first element is no certificate that we read (X509-SVID §6.1).
    #[error("its x5c has no readable certificate")]
    NoCertificate,
    /// The certificate is no authority (X509-SVID §4.2, §4.3).
    #[error("its certificate is not a CA certificate")]
    NotAuthority,
    /// A key without `kid`, which no token can refer to (JWT-SVID §6.1).
    #[error("it has no kid")]
    NoKid,
    /// `kty` is absent or none that we know (Trust Domain and Bundle §4.2.1).
    #[error("its key type is not supported")]
    KeyType,
    /// The key cannot verify anything.
    #[error("its key cannot be used: {0}")]
    Key(SkipReason),
}

/// Why a whole bundle is refused. The one before it stays in force.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BundleError {
    /// B1: not strict JSON, or not an object.
    #[error("the bundle is not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// B1: no array `keys` of objects. It may be empty, not absent.
    #[error("the bundle has no array \"keys\" of objects")]
    NoKeys,
    /// B1: more entries than are accepted.
    #[error("the bundle has {0} entries; at most {MAX_ENTRIES} are accepted")]
    TooMany(usize),
    /// B1: two keys with one `kid`: a token could not refer to one of them.
    #[error("two keys of the bundle have the kid {0:?}")]
    DuplicateKid(String),
    /// B1: the certificate of an entry is of another key than the entry's own parameters (RFC 7517 §4.7).
    #[error("the certificate of entry {0} is not of the key that the entry describes")]
    OtherKey(usize),
    /// B1: `spiffe_sequence` or `spiffe_refresh_hint` is not a whole number.
    #[error("the bundle's {0:?} is not a whole number")]
    Number(&'static str),
    /// B1: the map has no object `trust_domains`, or a member of it is no bundle.
    #[error("the map has no object \"trust_domains\" of bundles")]
    NoMap,
    /// B1: more trust domains than are accepted.
    #[error("the map has {0} trust domains; at most {MAX_TRUST_DOMAINS} are accepted")]
    MapTooLarge(usize),
    /// S3: a key of the map is no trust domain.
    #[error("the map has an invalid trust domain name: {0}")]
    MapName(NameError),
    /// The bundle of one trust domain of a map.
    #[error("the bundle of {trust_domain}: {error}")]
    InMap {
        /// The trust domain whose bundle is at fault.
        trust_domain: String,
        /// What is wrong with it.
        error: Box<Self>,
    },
}

impl BundleError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::MapName(error) => error.rule(),
            Self::InMap { error, .. } => error.rule(),
            Self::Json(_)
            | Self::NoKeys
            | Self::TooMany(_)
            | Self::DuplicateKid(_)
            | Self::OtherKey(_)
            | Self::Number(_)
            | Self::NoMap
            | Self::MapTooLarge(_) => Rule::B1,
        }
    }
}

impl Bundle {
    /// Reads a bundle. One without a usable key is valid, and means that the trust domain has withdrawn everything.
    pub fn parse(document: &[u8]) -> Result<Self, BundleError> {
        Self::from_object(&parse_object(document, MAX_BUNDLE_BYTES)?)
    }

    fn from_object(bundle: &Object) -> Result<Self, BundleError> {
        let entries = match bundle.get("keys") {
            Some(Json::Array(entries)) => &entries[..],
            // What programs in Go write for a list without elements: taken for anything else, a withdrawal would not be
            // one.
            Some(Json::Null) => &[],
            _ => return Err(BundleError::NoKeys),
        };
        if entries.len() > MAX_ENTRIES {
            return Err(BundleError::TooMany(entries.len()));
        }
        let mut read = Self {
            sequence: whole_number(bundle, "spiffe_sequence")?,
            refresh_hint: whole_number(bundle, "spiffe_refresh_hint")?.map(Duration::from_secs),
            ..Self::default()
        };
        let (mut jwt, mut wit) = (Vec::new(), Vec::new());
        for (index, entry) in entries.iter().enumerate() {
            let entry = entry.as_object().ok_or(BundleError::NoKeys)?;
            let taken = match entry.get("use").and_then(Json::as_str) {
                Some("x509-svid") => match read.take_certificate(entry) {
                    Ok(()) if read.is_of_another_key(entry) => return Err(BundleError::OtherKey(index)),
                    taken => taken,
                },
                Some("jwt-svid") => read.take_key(entry, SvidKind::Jwt).map(|key| jwt.push(key)),
                Some("wit-svid") => read.take_key(entry, SvidKind::Wit).map(|key| wit.push(key)),
                _ => Err(SkippedUse::Use),
            };
            if let Err(reason) = taken {
                read.skipped.push(SkippedEntry { index, reason });
            }
        }
        // WIT-SVID §6: one name means one key, whichever of the two uses it is for.
        check_unique(jwt.iter().chain(&wit))?;
        read.jwt_keys = KeySet::of_bundle(jwt);
        read.wit_keys = KeySet::of_bundle(wit);
        Ok(read)
    }

    /// The certificates of authorities and the entries of JWT keys, as the Workload API hands them out: one DER
    /// certificate after another, and a JWK Set whose entries need no `use`, since the API has given each kind in a
    /// place of its own.
    pub fn from_workload_api(certificates: &[Vec<u8>], jwt_authorities: &[u8]) -> Result<Self, BundleError> {
        let set = parse_object(jwt_authorities, MAX_BUNDLE_BYTES)?;
        let entries = match set.get("keys") {
            Some(Json::Array(entries)) => &entries[..],
            // As in `from_object`: a trust domain without a JWT key.
            Some(Json::Null) => &[],
            _ => return Err(BundleError::NoKeys),
        };
        if entries.len() + certificates.len() > MAX_ENTRIES {
            return Err(BundleError::TooMany(entries.len() + certificates.len()));
        }
        let mut read = Self::default();
        for (index, der) in certificates.iter().enumerate() {
            if let Err(reason) = read.take_authority(der) {
                read.skipped.push(SkippedEntry { index, reason });
            }
        }
        let mut keys = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let entry = entry.as_object().ok_or(BundleError::NoKeys)?;
            let taken = match entry.get("use").and_then(Json::as_str) {
                // SPIRE leaves `use` away here, and hands out WIT keys in the same place without saying so by anything
                // but it.
                None | Some("" | "jwt-svid") => read.take_key(entry, SvidKind::Jwt).map(|key| keys.push(key)),
                Some(_) => Err(SkippedUse::Use),
            };
            if let Err(reason) = taken {
                read.skipped.push(SkippedEntry { index: certificates.len() + index, reason });
            }
        }
        check_unique(keys.iter())?;
        read.jwt_keys = KeySet::of_bundle(keys);
        Ok(read)
    }

    fn take_certificate(&mut self, entry: &Object) -> Result<(), SkippedUse> {
        // Trust Domain and Bundle §4.2.1.
        if !matches!(entry.get("kty").and_then(Json::as_str), Some("EC" | "OKP" | "RSA")) {
            return Err(SkippedUse::KeyType);
        }
        // X509-SVID §6.2: the first element is the authority's certificate; what follows is ignored.
        let first = entry.get("x5c").and_then(Json::as_array).and_then(|chain| chain.first()).and_then(Json::as_str);
        let der = first.and_then(|text| STANDARD.decode(text).ok()).ok_or(SkippedUse::NoCertificate)?;
        self.take_authority(&der)
    }

    /// Whether the entry's own parameters, where they are a key that we can read, are of another key than the
    /// certificate that was just taken. Which of the two was meant is unknown.
    fn is_of_another_key(&self, entry: &Object) -> bool {
        let certified = self.authorities.last().map(|authority| authority.certificate.public_key().spki_sha256());
        public_key_of_jwk(entry).is_ok_and(|described| Some(described.spki_sha256()) != certified)
    }

    fn take_authority(&mut self, der: &[u8]) -> Result<(), SkippedUse> {
        let certificate = Certificate::from_der(der).map_err(|_| SkippedUse::NoCertificate)?;
        if !may_issue_svids(&certificate) {
            return Err(SkippedUse::NotAuthority);
        }
        let anchor = CertificateDer::from(der);
        let anchor = webpki::anchor_from_trusted_cert(&anchor).map_err(|_| SkippedUse::NoCertificate)?.to_owned();
        let constraints = certificate.tbs().get_extension::<BasicConstraints>().ok().flatten();
        let path_length = constraints.and_then(|(_, constraints)| constraints.path_len_constraint);
        let spki_sha256 = certificate.public_key().spki_sha256();
        self.fingerprints.insert(spki_sha256);
        self.listed.push(ListedKey {
            document: SvidKind::X509,
            name: certificate.subject(),
            sha256: sha256(der),
            spki_sha256,
            not_after: Some(certificate.not_after()),
        });
        self.anchors.push(anchor);
        self.authorities.push(BundleAuthority { certificate, path_length });
        Ok(())
    }

    fn take_key(&mut self, entry: &Object, document: SvidKind) -> Result<VerificationKey, SkippedUse> {
        let kid = entry.get("kid").and_then(Json::as_str).filter(|kid| !kid.is_empty()).ok_or(SkippedUse::NoKid)?;
        if entry.contains_key("d") {
            return Err(SkippedUse::Key(SkipReason::PrivateKey));
        }
        let key: PublicKey = public_key_of_jwk(entry).map_err(SkippedUse::Key)?;
        let uses = uses_of_jwk(entry, &key).map_err(SkippedUse::Key)?;
        let spki_sha256 = key.spki_sha256();
        self.fingerprints.insert(spki_sha256);
        let (name, sha256) = (kid.to_owned(), spki_sha256);
        self.listed.push(ListedKey { document, name, sha256, spki_sha256, not_after: None });
        Ok(VerificationKey::new(Some(kid), uses))
    }

    /// The certificates at which the paths of X.509-SVIDs end.
    pub fn authorities(&self) -> impl ExactSizeIterator<Item = &Certificate> {
        self.authorities.iter().map(|authority| &authority.certificate)
    }

    /// The same as trust anchors for webpki.
    pub fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// Whether a path with this many intermediates may end at that anchor at `now`. A renewed authority of the same
    /// name and key is the same anchor, so any of them will do.
    pub(crate) fn allows_end(&self, anchor: &TrustAnchor<'_>, intermediates: usize, now: UnixTime) -> bool {
        let same = self.anchors.iter().zip(&self.authorities).filter(|(own, _)| *own == anchor);
        same.into_iter().any(|(_, authority)| authority.allows_end(intermediates, now))
    }

    /// The keys of JWT-SVIDs.
    pub fn jwt_keys(&self) -> &KeySet {
        &self.jwt_keys
    }

    /// The keys of WIT-SVIDs.
    pub fn wit_keys(&self) -> &KeySet {
        &self.wit_keys
    }

    /// `spiffe_sequence`, if the trust domain counts its bundles.
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// The refresh interval that the trust domain suggests.
    pub fn refresh_hint(&self) -> Option<Duration> {
        self.refresh_hint
    }

    /// The entries that were skipped.
    pub fn skipped(&self) -> &[SkippedEntry] {
        &self.skipped
    }

    /// Every key, in the order of the bundle.
    pub fn listed(&self) -> &[ListedKey] {
        &self.listed
    }

    /// SHA-256 of the SubjectPublicKeyInfo of each key, regardless of its use.
    pub fn fingerprints(&self) -> &BTreeSet<[u8; 32]> {
        &self.fingerprints
    }

    /// True if the bundle has no keys, so nothing verifies with it.
    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty() && self.jwt_keys.is_empty() && self.wit_keys.is_empty()
    }
}

/// SPIFFE Federation, bundle maps: `{"trust_domains": {"example.org": {…}}}`. Refresh hints inside are ignored.
pub struct BundleMap(BTreeMap<TrustDomain, Bundle>);

impl BundleMap {
    /// Reads a map. A trust domain that occurs twice makes the whole map invalid, as any duplicate member does.
    pub fn parse(document: &[u8]) -> Result<Self, BundleError> {
        let map = parse_object(document, MAX_BUNDLE_BYTES)?;
        let members = map.get("trust_domains").and_then(Json::as_object).ok_or(BundleError::NoMap)?;
        if members.len() > MAX_TRUST_DOMAINS {
            return Err(BundleError::MapTooLarge(members.len()));
        }
        let mut bundles = BTreeMap::new();
        for (name, bundle) in members {
            let trust_domain = TrustDomain::parse(name).map_err(BundleError::MapName)?;
            let bundle = bundle.as_object().ok_or(BundleError::NoMap).and_then(Bundle::from_object);
            let bundle = bundle.map_err(|error| BundleError::InMap {
                trust_domain: trust_domain.to_string(),
                error: Box::new(error),
            })?;
            bundles.insert(trust_domain, Bundle { refresh_hint: None, ..bundle });
        }
        Ok(Self(bundles))
    }

    /// The bundle of one trust domain.
    pub fn remove(&mut self, trust_domain: &str) -> Option<Bundle> {
        self.0.remove(trust_domain)
    }

    /// The trust domains that the map has bundles of.
    pub fn names(&self) -> impl Iterator<Item = &TrustDomain> {
        self.0.keys()
    }
}

fn check_unique<'a>(keys: impl Iterator<Item = &'a VerificationKey>) -> Result<(), BundleError> {
    let mut names = BTreeSet::new();
    for kid in keys.filter_map(VerificationKey::kid) {
        if !names.insert(kid) {
            return Err(BundleError::DuplicateKid(excerpt(kid, 120)));
        }
    }
    Ok(())
}

fn whole_number(bundle: &Object, name: &'static str) -> Result<Option<u64>, BundleError> {
    match bundle.get(name) {
        None => Ok(None),
        Some(Json::Number(digits)) => digits.parse().map(Some).map_err(|_| BundleError::Number(name)),
        Some(_) => Err(BundleError::Number(name)),
    }
}
