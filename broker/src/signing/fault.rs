//! Why a certificate is refused, by whose fault it is: the caller's, an issuer's or ours.

use shared::keys::PublicKeyError;

use crate::ca::issue::{IssueError, WrongReceipt};
use crate::ca::profile::CertificateTemplateError;
use crate::ca::proof::SubmissionError;
use crate::ca::{LintError, ProofError};
use crate::credential::CredentialError;
use crate::names::Rule;
use crate::namespace::Denied;
use crate::svid::{JwtSvidError, NeedsBundle, UseError, WitSvidError, X509SvidError};
use crate::token::TokenError;
use crate::trust_domain::Unusable;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The caller's fault: explained to the caller.
    #[error(transparent)]
    Caller(#[from] CallerFault),
    /// An issuer's fault: the caller may try again later.
    #[error(transparent)]
    Upstream(#[from] UpstreamFault),
    /// Our fault: the caller learns a request id, our log the rest.
    #[error(transparent)]
    Ours(#[from] OurFault),
}

/// Faults of the caller.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallerFault {
    /// The token is not acceptable.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The JWT-SVID.
    #[error(transparent)]
    JwtSvid(#[from] JwtSvidError),
    /// The X.509-SVID of the connection.
    #[error(transparent)]
    X509Svid(#[from] X509SvidError),
    /// The WIT-SVID, or the proof that came with it.
    #[error(transparent)]
    WitSvid(#[from] WitSvidError),
    /// A token beside the certificate of the connection: who of the two is it?
    #[error("the request has a token, and the connection a certificate; send only one of them")]
    TwoIdentities,
    /// The SVID was used before, or too often.
    #[error(transparent)]
    Use(#[from] UseError),
    /// The JWT-SVID names a key that its trust domain does not publish.
    #[error("the token is signed by a key that is not in the bundle of the trust domain {0}")]
    SvidKeyUnknown(String),
    /// The token names a key that its issuer does not publish.
    #[error("the token is signed by a key that its issuer {0} does not publish")]
    KeyUnknown(String),
    /// The name, or its asserter.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Key, or certificate signing request, or both, or neither.
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    /// The key is not acceptable or not proven.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Faults of an issuer or trust domain.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UpstreamFault {
    /// Its keys cannot be fetched.
    #[error("the keys of the issuer {0} cannot be fetched at the moment")]
    Keys(String),
    /// The bundle of a trust domain cannot be used, and no newer one can be fetched.
    #[error("the trust domain {0} cannot be used at the moment: {1}")]
    Bundle(String, Unusable),
}

/// Faults of this instance.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OurFault {
    /// The authority is not valid now.
    #[error(transparent)]
    Template(#[from] CertificateTemplateError),
    /// A drafted certificate broke a rule.
    #[error("a drafted certificate did not pass the linter: {0}")]
    Lint(#[from] LintError),
    /// A key did not sign, or signed something else.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A receipt was for something else.
    #[error(transparent)]
    Receipt(#[from] WrongReceipt),
}

impl CallerFault {
    /// The message that Fulcio's clients know for this fault.
    pub fn client_message(&self) -> &'static str {
        match self {
            Self::Token(_)
            | Self::JwtSvid(_)
            | Self::WitSvid(_)
            | Self::SvidKeyUnknown(_)
            | Self::Use(_)
            | Self::KeyUnknown(_)
            | Self::Denied(_) => "There was an error processing the identity token",
            Self::X509Svid(_) | Self::TwoIdentities => "There was an error processing the client certificate",
            Self::Submission(_) => "The public key supplied in the request could not be parsed",
            Self::Proof(error) => proof_message(error),
        }
    }

    /// The rule that refused: that of the names and tokens rule set, or one of the authority's own, R1 to R4.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Token(error) => error.rule().id(),
            Self::JwtSvid(error) => error.rule().id(),
            Self::X509Svid(error) => error.rule().id(),
            Self::WitSvid(error) => error.rule().id(),
            Self::Use(error) => error.rule().id(),
            Self::TwoIdentities => Rule::A8.id(),
            Self::SvidKeyUnknown(_) => Rule::J4.id(),
            Self::KeyUnknown(_) => Rule::T1.id(),
            Self::Denied(denied) => denied.rule().id(),
            Self::Submission(_) => "R1",
            Self::Proof(error) => proof_rule(error),
        }
    }
}

fn proof_message(error: &ProofError) -> &'static str {
    match error {
        ProofError::KeyArmor(_) | ProofError::Encoding | ProofError::Key(PublicKeyError::Malformed) => {
            "The public key supplied in the request could not be parsed"
        }
        ProofError::Key(PublicKeyError::Kind(_) | PublicKeyError::RsaSize(_) | PublicKeyError::RsaExponent) => {
            "The public key supplied in the request is insecure"
        }
        ProofError::RequestArmor(_) | ProofError::RequestMalformed => {
            "The certificate signing request could not be parsed"
        }
        ProofError::RequestAlgorithm(_) => "signing algorithm not permitted",
        ProofError::Signature | ProofError::RequestSignature => {
            "The signature supplied in the request could not be verified"
        }
    }
}

/// R1: one key, presented in one way, in a form that can be parsed. R2: of an accepted kind and size. R3: a request is
/// signed with the algorithm that goes with its key. R4: by the key itself, over the name in the token or over the
/// request.
fn proof_rule(error: &ProofError) -> &'static str {
    match error {
        ProofError::KeyArmor(_)
        | ProofError::Encoding
        | ProofError::Key(PublicKeyError::Malformed)
        | ProofError::RequestArmor(_)
        | ProofError::RequestMalformed => "R1",
        ProofError::Key(PublicKeyError::Kind(_) | PublicKeyError::RsaSize(_) | PublicKeyError::RsaExponent) => "R2",
        ProofError::RequestAlgorithm(_) => "R3",
        ProofError::Signature | ProofError::RequestSignature => "R4",
    }
}

impl From<CredentialError> for SigningError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::JwtSvid(error) => error.into(),
            CredentialError::Token(error) => error.into(),
            CredentialError::WitSvid(error) => error.into(),
            CredentialError::X509Svid(error) => error.into(),
        }
    }
}

impl From<NeedsBundle> for SigningError {
    /// The bundle was fetched again, and still will not do: the trust domain's fault if it does not count, else the
    /// caller's.
    fn from(NeedsBundle { record, why }: NeedsBundle) -> Self {
        match why {
            Some(why) => UpstreamFault::Bundle(record.name().to_string(), why).into(),
            None => CallerFault::SvidKeyUnknown(record.name().to_string()).into(),
        }
    }
}

macro_rules! faults {
    ($($error:ty => $fault:ident),+ $(,)?) => {
        $(impl From<$error> for SigningError {
            fn from(error: $error) -> Self {
                $fault::from(error).into()
            }
        })+
    };
}

faults! {
    TokenError => CallerFault,
    JwtSvidError => CallerFault,
    X509SvidError => CallerFault,
    WitSvidError => CallerFault,
    UseError => CallerFault,
    Denied => CallerFault,
    SubmissionError => CallerFault,
    ProofError => CallerFault,
    CertificateTemplateError => OurFault,
    LintError => OurFault,
    IssueError => OurFault,
    WrongReceipt => OurFault,
}
