//! Revocation of what the root issued: the register of it, the list that the root signs, and the key that answers for
//! the root.
//!
//! A revocation is in the audit log first, then in `revocations.toml`, then on the list. The list is signed again
//! whenever it lacks an entry of the register or is past half of its time, so a crash between the steps is repaired
//! soon.

mod published;
mod register;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared::audit::AuditRecord;
use shared::digest::sha256_hex;
use shared::keys::{KeyAlgorithm, KeyFile, Signer as _, SigningKey};
use shared::log::{AppendError, Log};
use shared::random::SystemRandom;
use shared::time::UnixTime;
use shared::x509::revocation::{CrlError, CrlPlan, Responder, RevocationReason};
use shared::x509::{CaSetup, CaSetupError, Certificate, chain};

use crate::file::{self, FileError, Mode};
use crate::instance::assemble::RevocationSettings;
use crate::instance::data_dir::{DataDir, InstanceFile};
use crate::instance::timestamp_units::{Root, UnitFileError, UnitFiles};
pub(crate) use published::{PublishedRevocations, RevocationState};
use register::{RevocationRegister, RevocationRegisterError, SignedList};

/// Largest file that is read.
const MAX_FILE: u64 = 1 << 20;
/// The name of the responder's key and certificate.
const RESPONDER: &str = "ocsp";
/// How long the responder's certificate is valid: it cannot be revoked (RFC 6960 §4.2.2.2.1).
const RESPONDER_VALIDITY: Duration = Duration::from_secs(366 * 86_400);
/// The responder's certificate is renewed when it is valid for less than this.
const RESPONDER_LEFT: Duration = Duration::from_secs(60 * 86_400);

/// Why something could not be revoked or published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RevocationError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Root(#[from] UnitFileError),
    #[error("{path}: {error}")]
    Register { path: PathBuf, error: RevocationRegisterError },
    #[error("{path}: {error}")]
    Certificates { path: PathBuf, error: shared::x509::ChainError },
    #[error("the audit log could not record the change, so nothing was changed: {0}")]
    Audit(#[from] AppendError),
    #[error("the revocation list could not be signed: {0}")]
    Crl(#[from] CrlError),
    #[error("the certificate of the OCSP responder could not be issued: {0}")]
    CaSetup(#[from] CaSetupError),
    #[error(
        "the root issued no certificate with the serial number {0}; `privyseal ca list` shows those that it issued"
    )]
    Unknown(String),
    #[error("the certificate {0} is revoked already")]
    Already(String),
    #[error("the certificate of the OCSP responder is for another key; renew it with `privyseal ca crl`")]
    Responder,
}

/// The revocations of an instance. It alone writes the register, the list and the responder's files.
pub(crate) struct Revocations {
    root: PathBuf,
    units: UnitFiles,
    instance: InstanceFile,
    key_file: Arc<KeyFile>,
    audit: Log,
    register: RevocationRegister,
}

impl Revocations {
    /// Reads the register in `data`.
    pub(crate) fn open(
        data: &DataDir,
        instance: &InstanceFile,
        key_file: Arc<KeyFile>,
        audit: Log,
    ) -> Result<Self, RevocationError> {
        let root = data.root().to_owned();
        let path = root.join("revocations.toml");
        let register = if path.exists() {
            RevocationRegister::parse(&file::read(&path, MAX_FILE)?)
                .map_err(|error| RevocationError::Register { path, error })?
        } else {
            RevocationRegister::default()
        };
        Ok(Self { root, units: UnitFiles::of(data), instance: instance.clone(), key_file, audit, register })
    }

    /// Every certificate that the root issued, each once.
    pub(crate) fn issued(&self) -> Result<Vec<Certificate>, RevocationError> {
        let root = self.units.chain("root-ca")?.root().clone();
        let folder = self.root.join("certificates");
        let mut issued: Vec<Certificate> = Vec::new();
        for name in file::names(&folder)?.iter().filter(|name| name.ends_with(".pem") && !name.ends_with(".pub.pem")) {
            let path = folder.join(name);
            let certificates = chain::read_pem(&file::read(&path, MAX_FILE)?, usize::MAX);
            for certificate in certificates.map_err(|error| RevocationError::Certificates { path, error })? {
                let is_ours = certificate != root && certificate.is_issued_by(&root);
                if is_ours && !issued.contains(&certificate) {
                    issued.push(certificate);
                }
            }
        }
        Ok(issued)
    }

    /// Revokes the certificate whose serial number is `serial`, hex.
    pub(crate) fn revoke(
        &mut self,
        serial: &str,
        reason: RevocationReason,
        now: UnixTime,
    ) -> Result<(), RevocationError> {
        let serial = serial.to_ascii_lowercase().replace(':', "");
        if !self.issued()?.iter().any(|certificate| hex::encode(certificate.serial()) == serial) {
            return Err(RevocationError::Unknown(serial));
        }
        if self.register.find(&serial).is_some() {
            return Err(RevocationError::Already(serial));
        }
        let record = AuditRecord::CertificateRevoked {
            at_ms: now.millis(),
            serial: serial.clone(),
            reason: reason.name().to_owned(),
        };
        self.audit.append(record.to_leaf()).wait()?;
        self.keep(self.register.with(serial, reason, now))
    }

    /// The status of a certificate, as text.
    pub(crate) fn status(&self, certificate: &Certificate) -> String {
        match self.register.find(&hex::encode(certificate.serial())) {
            None => "good".to_owned(),
            Some(revoked) => {
                let at = UnixTime::from_seconds(revoked.at).rfc3339().unwrap_or_default();
                format!("revoked {at}, {}", revoked.reason)
            }
        }
    }

    /// Whether the list is missing, lacks an entry of the register, or is past half of its time.
    pub(crate) fn is_list_due(&self, now: UnixTime) -> bool {
        !self.list_path().exists() || self.register.is_list_due(now)
    }

    /// Signs the list anew, to count for `period`.
    pub(crate) fn sign_list(&mut self, root: &Root, period: Duration, now: UnixTime) -> Result<(), RevocationError> {
        // A number is used up before the key is used: two lists never have the same one.
        let number = self.register.next_number;
        self.keep(RevocationRegister { next_number: number + 1, ..self.register.clone() })?;
        let revoked = self.register.revoked();
        let (this_update, next_update) = (now.floor_to_second(), now.plus(period).floor_to_second());
        let plan = CrlPlan { number, this_update, next_update, since: self.instance.created(), revoked: &revoked };
        let tbs = plan.to_be_signed(&root.certificate, &root.key)?;
        let record = AuditRecord::RevocationListSigned { at_ms: now.millis(), number, tbs_sha256: sha256_hex(&tbs) };
        self.audit.append(record.to_leaf()).wait()?;
        let list = plan.sign(&root.certificate, &root.key)?;
        file::create_dir(&self.root.join("crl"))?;
        file::write_durably(&self.list_path(), &list, Mode::Public)?;
        let signed = SignedList {
            number,
            this_update: this_update.seconds(),
            next_update: next_update.seconds(),
            entries: revoked.len(),
        };
        self.keep(RevocationRegister { list: Some(signed), ..self.register.clone() })
    }

    /// Whether the responder has no certificate, or not for long.
    ///
    /// A key without its certificate is an interrupted renewal, and due as well.
    pub(crate) fn is_responder_due(&self, now: UnixTime) -> bool {
        let ends = |responder: Responder| responder.certificate().not_after();
        self.responder().ok().flatten().map(ends).is_none_or(|ends| ends <= now.plus(RESPONDER_LEFT))
    }

    /// Gives the responder a new key and certificate.
    pub(crate) fn renew_responder(&mut self, root: &Root, now: UnixTime) -> Result<(), RevocationError> {
        let key = self.units.create_key(RESPONDER, KeyAlgorithm::P256, &self.key_file, &SystemRandom)?;
        let record = AuditRecord::ResponderCertified {
            at_ms: now.millis(),
            public_key_sha256: hex::encode(key.public_key().spki_sha256()),
        };
        self.audit.append(record.to_leaf()).wait()?;
        let setup = CaSetup { instance: &self.instance.name, root_key: &root.key, now, random: &SystemRandom };
        let certificate = setup.ocsp_responder(&root.certificate, key.public_key(), RESPONDER_VALIDITY)?;
        let chain = shared::x509::Chain::new(vec![certificate, root.certificate.clone()])
            .map_err(|error| RevocationError::Certificates { path: self.units.certificates_path(RESPONDER), error })?;
        Ok(self.units.write_chain(RESPONDER, &chain)?)
    }

    /// Does what is due. Without the root's key it logs what the operator has to do.
    pub(crate) fn refresh(&mut self, settings: &RevocationSettings, now: UnixTime) -> Result<(), RevocationError> {
        let (is_list_due, is_responder_due) = (self.is_list_due(now), self.is_responder_due(now));
        if !is_list_due && !is_responder_due {
            return Ok(());
        }
        let root = match self.units.root(None, &self.key_file) {
            Ok(root) => root,
            Err(error) => {
                tracing::warn!(
                    %error,
                    "the revocation list or the OCSP responder's certificate is due, and the root's key is not in the \
                     data directory; run `privyseal ca crl`"
                );
                return Ok(());
            }
        };
        if is_responder_due {
            self.renew_responder(&root, now)?;
        }
        if is_list_due { self.sign_list(&root, settings.crl, now) } else { Ok(()) }
    }

    /// What is published from now on.
    pub(crate) fn state(&self) -> Result<RevocationState, RevocationError> {
        let list = match &self.register.list {
            Some(signed) if self.list_path().exists() => {
                Some((file::read_bytes(&self.list_path(), MAX_FILE)?, signed.clone()))
            }
            _ => None,
        };
        Ok(RevocationState {
            root: self.units.chain("root-ca")?.root().clone(),
            issued: self.issued()?.iter().map(|certificate| certificate.serial().to_vec()).collect(),
            revoked: self.register.revoked(),
            list,
            responder: self.responder()?,
            since: self.instance.created(),
        })
    }

    fn responder(&self) -> Result<Option<Responder>, RevocationError> {
        let Ok(chain) = self.units.chain(RESPONDER) else { return Ok(None) };
        let key: SigningKey = self.units.key(RESPONDER, KeyAlgorithm::P256.signature(), &self.key_file)?;
        let responder = Responder::new(Arc::new(key), chain.leaf().clone());
        Ok(Some(responder.ok_or(RevocationError::Responder)?))
    }

    fn list_path(&self) -> PathBuf {
        self.root.join("crl").join("root-ca.crl")
    }

    fn keep(&mut self, register: RevocationRegister) -> Result<(), RevocationError> {
        let path = self.root.join("revocations.toml");
        file::write_durably(&path, register.to_text().as_bytes(), Mode::Public)?;
        self.register = register;
        Ok(())
    }
}
