//! The four kinds of metadata, their canonical bytes, and what a signature over them means.

use std::collections::BTreeMap;

use olpc_cjson::CanonicalFormatter;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::sha256_hex;
use crate::keys::{PublicKey, SignError, SignatureAlgorithm, Signer};
use crate::time::UnixTime;
use crate::trust_root::encoding::Moment;

/// The version of the specification written. Clients compare the major number only.
pub const SPEC_VERSION: &str = "1.0.31";
/// Longest metadata or target file that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// A role of the repository.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Says which keys the roles have.
    Root,
    /// Says which files there are.
    Targets,
    /// Says which version of the targets is current.
    Snapshot,
    /// Says which snapshot is current, for a few days.
    Timestamp,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Root, Self::Targets, Self::Snapshot, Self::Timestamp];

    /// The `_type` of its metadata and its name in root.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A key as root names it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// `ecdsa`.
    pub keytype: String,
    /// `ecdsa-sha2-nistp256`.
    pub scheme: String,
    /// The key itself.
    pub keyval: KeyValue,
}

/// The `keyval` member.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyValue {
    /// PEM.
    pub public: String,
}

impl Key {
    /// How root names `key`.
    pub fn of(key: &PublicKey) -> Self {
        Self {
            keytype: "ecdsa".to_owned(),
            scheme: "ecdsa-sha2-nistp256".to_owned(),
            keyval: KeyValue { public: key.to_pem() },
        }
    }

    /// SHA-256 of its canonical JSON, hex. Most clients take any name for a key; tough computes this one and compares.
    pub fn id(&self) -> Result<String, TufError> {
        Ok(sha256_hex(&canonical(self)?))
    }

    fn public_key(&self) -> Option<PublicKey> {
        let is_known = self.keytype == "ecdsa" && self.scheme == "ecdsa-sha2-nistp256";
        let pem = pem::parse(&self.keyval.public).ok().filter(|pem| is_known && pem.tag() == "PUBLIC KEY")?;
        PublicKey::from_spki(pem.contents()).ok()
    }
}

/// Which keys may sign for a role.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RoleKeys {
    /// The names of the keys.
    pub keyids: Vec<String>,
    /// How many of them must sign.
    pub threshold: u32,
}

/// What all kinds of metadata have.
pub trait Metadata: Serialize + DeserializeOwned {
    /// Which kind this is.
    const ROLE: Role;
    /// Type, version, expiry.
    fn header(&self) -> &Header;
}

/// Members that all kinds share.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Header {
    /// The role's name.
    #[serde(rename = "_type")]
    pub kind: String,
    /// `SPEC_VERSION`.
    pub spec_version: String,
    /// It only grows.
    pub version: u64,
    /// Clients refuse the metadata from then on.
    pub expires: Moment,
}

/// `N.root.json`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Root {
    /// Type, version, expiry.
    #[serde(flatten)]
    pub header: Header,
    /// Always true: file names carry version or hash, so that no reader sees half of a change.
    pub consistent_snapshot: bool,
    /// Keys by name.
    pub keys: BTreeMap<String, Key>,
    /// Keys of each role.
    pub roles: BTreeMap<String, RoleKeys>,
}

/// `N.targets.json`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Targets {
    /// Type, version, expiry.
    #[serde(flatten)]
    pub header: Header,
    /// Files by path.
    pub targets: BTreeMap<String, Target>,
}

/// One file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its length in bytes.
    pub length: u64,
    /// SHA-256 of the file.
    pub hashes: Hashes,
    /// What older Sigstore clients look for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,
}

/// The `hashes` member.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hashes {
    /// Lower-case hex.
    pub sha256: String,
}

/// The `custom` member.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// The use of the target.
    pub sigstore: SigstoreUse,
}

/// What a target is for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SigstoreUse {
    /// `Active` or `Expired`.
    pub status: String,
    /// `CTFE`, `Fulcio`, `Rekor`.
    pub usage: String,
}

/// `N.snapshot.json`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Snapshot {
    /// Type, version, expiry.
    #[serde(flatten)]
    pub header: Header,
    /// `targets.json`.
    pub meta: BTreeMap<String, MetaFile>,
}

/// `timestamp.json`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Timestamp {
    /// Type, version, expiry.
    #[serde(flatten)]
    pub header: Header,
    /// `snapshot.json`.
    pub meta: BTreeMap<String, MetaFile>,
}

/// The version of another file. Length and hash are optional and left out: the signature and the version are enough,
/// and metadata can then be prepared, accounted for and signed in one go.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MetaFile {
    /// The version of the file.
    pub version: u64,
}

macro_rules! metadata {
    ($($kind:ident),*) => {$(
        impl Metadata for $kind {
            const ROLE: Role = Role::$kind;
            fn header(&self) -> &Header {
                &self.header
            }
        }
    )*};
}
metadata!(Root, Snapshot, Targets, Timestamp);

/// A signature.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Signature {
    pub(super) keyid: String,
    pub(super) sig: String,
}

#[derive(Deserialize, Serialize)]
struct Envelope<T> {
    signatures: Vec<Signature>,
    signed: T,
}

/// Why metadata cannot be made, read or trusted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TufError {
    /// A role's key is not P-256.
    #[error("the {0} key must be ECDSA P-256")]
    Algorithm(Role),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A time that RFC 3339 cannot say.
    #[error("the metadata cannot be written: {0}")]
    Encode(String),
    /// The file that the metadata names is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// Over the cap.
    #[error("{name} has {length} bytes; at most {MAX_BYTES} are accepted")]
    Size {
        /// The name of the file.
        name: String,
        /// Its length in bytes.
        length: usize,
    },
    /// Not the JSON of this kind of metadata.
    #[error("the {role} metadata does not parse: {reason}")]
    Malformed {
        /// The metadata's role.
        role: Role,
        /// What the parser said.
        reason: String,
    },
    /// Fewer valid signatures than the threshold.
    #[error("the {0} metadata is not signed by the keys that root names")]
    Unsigned(Role),
    /// Another version than the one named.
    #[error("the {role} metadata has version {found}, not {expected}")]
    Version {
        /// The metadata's role.
        role: Role,
        /// The version in the metadata.
        found: u64,
        /// The version expected.
        expected: u64,
    },
    /// Too old.
    #[error("the {role} metadata has expired")]
    Expired {
        /// The metadata's role.
        role: Role,
    },
    /// A target has other bytes than the metadata says.
    #[error("{0} does not match the hash in the targets metadata")]
    Hash(String),
    /// The instance's root key is not the one that signed the published root, so clients would not follow.
    #[error("the published root is not signed by the key tuf-root; restore the key that signed it")]
    RootKey,
}

/// A metadata file that was written, or read and checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedFile<T> {
    /// The content.
    pub signed: T,
    /// The bytes as published.
    pub bytes: Vec<u8>,
}

/// The canonical JSON of `value`: what is hashed and signed.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, TufError> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, CanonicalFormatter::new());
    value.serialize(&mut serializer).map_err(|e| TufError::Encode(e.to_string()))?;
    Ok(bytes)
}

/// Signs `signed` and writes the file.
pub(super) fn sign<T: Metadata>(signed: T, signer: &dyn Signer) -> Result<SignedFile<T>, TufError> {
    let message = canonical(&signed)?;
    let sig = hex::encode(signer.sign(&message)?);
    let signatures = vec![Signature { keyid: Key::of(signer.public_key()).id()?, sig }];
    let bytes =
        serde_json::to_vec(&Envelope { signatures, signed: &signed }).map_err(|e| TufError::Encode(e.to_string()))?;
    Ok(SignedFile { signed, bytes })
}

/// Reads a file and checks that the keys which `root` names for its role signed it. Root itself is checked against
/// `root` when that is given (the one before it), and against itself in any case.
pub(super) fn open<T: Metadata>(bytes: &[u8], root: Option<&Root>) -> Result<SignedFile<T>, TufError> {
    let role = T::ROLE;
    if bytes.len() > MAX_BYTES {
        return Err(TufError::Size { name: format!("{role}.json"), length: bytes.len() });
    }
    let malformed = |reason: String| TufError::Malformed { role, reason };
    let envelope: Envelope<T> = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
    let header = envelope.signed.header();
    if header.kind != role.name() || !header.spec_version.starts_with("1.") {
        return Err(malformed(format!("type {:?}, specification {:?}", header.kind, header.spec_version)));
    }
    if let Some(root) = root {
        check_signatures(&envelope, root)?;
    }
    Ok(SignedFile { signed: envelope.signed, bytes: bytes.to_vec() })
}

fn check_signatures<T: Metadata>(envelope: &Envelope<T>, root: &Root) -> Result<(), TufError> {
    let unsigned = TufError::Unsigned(T::ROLE);
    let Some(keys) = root.roles.get(T::ROLE.name()).filter(|keys| keys.threshold > 0) else { return Err(unsigned) };
    let message = canonical(&envelope.signed)?;
    let signs = |keyid: &String| {
        let key = root.keys.get(keyid).and_then(Key::public_key)?;
        let signature = envelope.signatures.iter().find(|signature| signature.keyid == *keyid)?;
        key.verify_as(SignatureAlgorithm::EcdsaP256Sha256, &message, &hex::decode(&signature.sig).ok()?).ok()
    };
    let valid = keys.keyids.iter().filter(|keyid| signs(keyid).is_some()).count();
    if valid < keys.threshold as usize { Err(unsigned) } else { Ok(()) }
}

/// Root verifies itself: a root that is not signed by its own keys is refused.
pub(super) fn open_root(bytes: &[u8], previous: Option<&Root>) -> Result<SignedFile<Root>, TufError> {
    let file = open::<Root>(bytes, previous)?;
    open::<Root>(bytes, Some(&file.signed))
}

/// Refuses what has expired at `now`.
pub(super) fn check_fresh<T: Metadata>(file: &SignedFile<T>, now: UnixTime) -> Result<(), TufError> {
    if file.signed.header().expires.0 <= now { Err(TufError::Expired { role: T::ROLE }) } else { Ok(()) }
}
