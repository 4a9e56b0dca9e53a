//! Keys in PKCS#11 tokens: hardware security modules, smart cards, SoftHSM.
//!
//! What is signed is hashed here; the token sees digests only. Sessions are pooled. When the token vanishes, signing
//! fails, and the next signature looks for it again: first with a new session, then with the module started anew.

mod error;
mod module;
mod object;
mod public_key;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

use super::algorithm::SignatureAlgorithm;
use super::pkcs11_uri::Pkcs11Uri;
use super::public_key::PublicKey;
use super::signer::{SignError, Signer};
use crate::secret::Secret;
use crate::x509::DerWriter;
use crate::x509::der_writer::tag;
use module::Module;
use object::{name_of, one};

pub use error::Pkcs11Error;

/// Most signatures of one key under way at once. If the token has fewer sessions, its number applies.
const MAX_SESSIONS: usize = 8;

/// Receives the token's error when a signature failed. Callers get a `SignError`, which says nothing.
pub type FailureReport = Arc<dyn Fn(&Pkcs11Error) + Send + Sync>;

/// A private key in a token.
pub struct Pkcs11Signer {
    uri: Pkcs11Uri,
    pin: Option<Secret<String>>,
    algorithm: SignatureAlgorithm,
    public_key: PublicKey,
    module: Arc<Module>,
    pool: Mutex<Pool>,
    returned: Condvar,
    is_pin_wrong: AtomicBool,
    report: FailureReport,
}

struct Pool {
    idle: Vec<Ready>,
    open: usize,
}

/// A session that is logged in, with the key's handle in it.
struct Ready {
    session: Session,
    key: ObjectHandle,
}

impl Pkcs11Signer {
    /// Opens the key that `uri` names, to sign with `algorithm`, and lets it sign once: a key that cannot is refused
    /// now.
    pub fn open(
        uri: Pkcs11Uri,
        pin: Option<Secret<String>>,
        algorithm: SignatureAlgorithm,
        report: FailureReport,
    ) -> Result<Self, Pkcs11Error> {
        let module = Module::load(&uri.module_path)?;
        let ready = module.with(|context| connect(context, &uri, pin.as_ref()))?;
        let public_key = public_key::read(&ready.session, &uri)?;
        let signer = Self {
            uri,
            pin,
            algorithm,
            public_key,
            module,
            pool: Mutex::new(Pool { idle: vec![ready], open: 1 }),
            returned: Condvar::new(),
            is_pin_wrong: AtomicBool::new(false),
            report,
        };
        signer.check()?;
        Ok(signer)
    }

    fn check(&self) -> Result<(), Pkcs11Error> {
        const PROBE: &[u8] = b"privyseal key probe: not a certificate, token or timestamp";
        let name = || name_of(&self.uri);
        let signature = self.try_sign(PROBE)?;
        let verified = self.public_key.verify_as(self.algorithm, PROBE, &signature);
        if verified.is_ok() {
            return Ok(());
        }
        // A key of another kind does not verify either; say which of the two it is.
        let default = self.public_key.default_digest().map(|digest| digest.output_len());
        let is_kind = default == Some(self.algorithm.digest().output_len());
        Err(if is_kind { Pkcs11Error::Pair(name()) } else { Pkcs11Error::Algorithm(name()) })
    }

    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, Pkcs11Error> {
        let ready = self.take()?;
        let signed = self.module.with(|_| sign_with(&ready, self.algorithm, message));
        if signed.is_ok() {
            self.give_back(Some(ready));
        } else {
            // Closing a session is a call into the module as well.
            self.module.with(|_| drop(ready));
            self.give_back(None);
        }
        signed
    }

    fn take(&self) -> Result<Ready, Pkcs11Error> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(ready) = pool.idle.pop() {
                return Ok(ready);
            }
            if pool.open < MAX_SESSIONS {
                pool.open += 1;
                break;
            }
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        drop(pool);
        let opened = self.connect();
        if opened.is_err() {
            self.give_back(None);
        }
        opened
    }

    fn connect(&self) -> Result<Ready, Pkcs11Error> {
        if self.is_pin_wrong.load(Ordering::Relaxed) {
            return Err(Pkcs11Error::Pin("before".to_owned()));
        }
        let opened = self.module.with(|context| connect(context, &self.uri, self.pin.as_ref()));
        if matches!(opened, Err(Pkcs11Error::Pin(_))) {
            self.is_pin_wrong.store(true, Ordering::Relaxed);
        }
        opened
    }

    /// A session that failed is not given back: a new one is opened instead.
    fn give_back(&self, ready: Option<Ready>) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        match ready {
            Some(ready) => pool.idle.push(ready),
            None => pool.open -= 1,
        }
        self.returned.notify_one();
    }

    /// Closes the sessions that are not in use.
    fn forget_sessions(&self) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.open -= pool.idle.len();
        let idle = std::mem::take(&mut pool.idle);
        drop(pool);
        self.module.with(|_| drop(idle));
    }
}

impl Signer for Pkcs11Signer {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let first = match self.try_sign(message) {
            Ok(signature) => return Ok(signature),
            Err(error) => error,
        };
        // The token was away or started anew: its sessions are gone, and so are those that wait in the pool.
        self.forget_sessions();
        let second = self.try_sign(message).or_else(|_| {
            self.forget_sessions();
            self.module.restart()?;
            self.try_sign(message)
        });
        second.map_err(|error| {
            (self.report)(&first);
            (self.report)(&error);
            SignError
        })
    }

    /// A device answers when it does.
    fn is_slow(&self) -> bool {
        true
    }
}

impl Drop for Pkcs11Signer {
    fn drop(&mut self) {
        self.forget_sessions();
    }
}

fn connect(
    context: &cryptoki::context::Pkcs11,
    uri: &Pkcs11Uri,
    pin: Option<&Secret<String>>,
) -> Result<Ready, Pkcs11Error> {
    let mut found = Vec::new();
    for slot in context.get_slots_with_token()? {
        let info = context.get_token_info(slot)?;
        let is_wanted = uri.token.as_deref().is_none_or(|label| label == info.label())
            && uri.serial.as_deref().is_none_or(|serial| serial == info.serial_number());
        if !is_wanted {
            found.push(format!("`{}`", info.label()));
            continue;
        }
        let session = context.open_ro_session(slot)?;
        if let Some(pin) = pin {
            log_in(&session, pin)?;
        }
        let key = one(&session, uri, ObjectClass::PRIVATE_KEY)?;
        return Ok(Ready { session, key });
    }
    let wanted = uri.token.as_deref().or(uri.serial.as_deref()).unwrap_or_default();
    Err(Pkcs11Error::NoToken { wanted: format!("`{wanted}`"), found })
}

fn log_in(session: &Session, pin: &Secret<String>) -> Result<(), Pkcs11Error> {
    match session.login(UserType::User, Some(&AuthPin::from(pin.expose().clone()))) {
        // All sessions of a process with a token are logged in together.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Error::Pkcs11(
            code @ (RvError::PinIncorrect
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::PinExpired
            | RvError::PinLocked),
            _,
        )) => Err(Pkcs11Error::Pin(format!("{code:?}"))),
        Err(error) => Err(error.into()),
    }
}

fn sign_with(ready: &Ready, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, Pkcs11Error> {
    let digest = aws_lc_rs::digest::digest(algorithm.digest(), message);
    match digest_info_head(algorithm) {
        None => {
            let raw = ready.session.sign(&Mechanism::Ecdsa, ready.key, digest.as_ref())?;
            Ok(ecdsa_der(&raw))
        }
        // CKM_RSA_PKCS pads what it is given; the DigestInfo is ours (RFC 8017 §9.2).
        Some(head) => {
            let info = [head, digest.as_ref()].concat();
            Ok(ready.session.sign(&Mechanism::RsaPkcs, ready.key, &info)?)
        }
    }
}

/// PKCS#11 gives `r ‖ s`, each as long as the curve's order; X.509 wants `ECDSA-Sig-Value` (RFC 3279 §2.2.3).
fn ecdsa_der(raw: &[u8]) -> Vec<u8> {
    let (r, s) = raw.split_at(raw.len() / 2);
    let mut out = DerWriter::with_capacity(raw.len() + 16);
    out.nested(tag::SEQUENCE, |value| {
        value.unsigned(r);
        value.unsigned(s);
    });
    out.finish()
}

/// `DigestInfo` up to the digest's octets (RFC 8017 §9.2 note 1); none for ECDSA.
fn digest_info_head(algorithm: SignatureAlgorithm) -> Option<&'static [u8]> {
    match algorithm {
        SignatureAlgorithm::EcdsaP256Sha256 | SignatureAlgorithm::EcdsaP384Sha384 => None,
        SignatureAlgorithm::RsaPkcs1Sha256 => Some(&[
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
            0x20,
        ]),
        SignatureAlgorithm::RsaPkcs1Sha384 => Some(&[
            0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04,
            0x30,
        ]),
        SignatureAlgorithm::RsaPkcs1Sha512 => Some(&[
            0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04,
            0x40,
        ]),
    }
}
