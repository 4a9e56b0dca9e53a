//! The certificate authority as it is served: what `broker::signing` decides and signs, with the logs, the fetched keys
//! and the counted uses that it waits for.

use std::sync::Arc;

use broker::ca::IssuedCertificate;
use broker::issuer::Issuer;
use broker::registry::Issuers;
use broker::signing::{Call, CallerFault, Issuance, Outcome, Prepared, SigningError, SigningRequest, UpstreamFault};
use shared::log::{AppendError, Log};
use shared::random::Random;
use shared::time::Clock;

use crate::instance::assemble::Origin;
use crate::instance::signature_log::IssuedLately;
use crate::instance::svid_uses::{SvidUseError, SvidUses};
use crate::outbound::bundles::BundleRefresher;
use crate::outbound::{KeyRefreshError, KeyRefresher};

/// The certificate authority; one for each snapshot.
pub(crate) struct CertificateAuthority {
    /// Where clients reach us.
    pub(crate) origin: Origin,
    /// Who may assert which names.
    pub(crate) issuers: Arc<Issuers>,
    /// The authority, the log's key and the profile.
    pub(crate) issuance: Arc<Issuance>,
    /// The audit log.
    pub(crate) audit: Log,
    /// The certificate log.
    pub(crate) certificates: Log,
    /// Certificates that the signature log accepts without verifying them again.
    pub(crate) issued_lately: Arc<IssuedLately>,
    /// Fetches issuers' keys.
    pub(crate) keys: Arc<KeyRefresher>,
    /// Fetches trust domains' bundles.
    pub(crate) bundles: Arc<BundleRefresher>,
    /// Counts the uses of SVIDs.
    pub(crate) svid_uses: Arc<SvidUses>,
    /// The present moment.
    pub(crate) clock: Arc<dyn Clock>,
    /// Serial numbers.
    pub(crate) random: Arc<dyn Random>,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssueError {
    /// The decision of `broker::signing`, or its failure.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A log did not take an entry.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// The use of an SVID could not be counted.
    #[error("{0}")]
    Uncounted(String),
}

impl From<SvidUseError> for IssueError {
    fn from(refused: SvidUseError) -> Self {
        match refused {
            SvidUseError::Use(error) => Self::Signing(error.into()),
            SvidUseError::Store(_) | SvidUseError::Ended => Self::Uncounted(refused.to_string()),
        }
    }
}

impl CertificateAuthority {
    /// The order of steps: intent and certificate entry durable, then the keys, then the issued entry durable, then
    /// the answer. `id` names the request in our logs.
    pub(crate) async fn issue(&self, request: SigningRequest, id: &str) -> Result<IssuedCertificate, IssueError> {
        let call = Call { id, now: self.clock.now(), random: &*self.random };
        let prepared = match self.issuance.prepare(request, &self.issuers, &call)? {
            Outcome::Prepared(prepared) => prepared,
            // Only once: a token whose key its issuer does not publish is the caller's fault.
            unprepared => self.prepare_after_fetching(unprepared, &call).await?,
        };
        if let Some(svid) = prepared.svid_use() {
            self.svid_uses.admit(svid, call.now).await?;
        }
        let intent = self.audit.append(prepared.intent());
        let logged = self.certificates.append(prepared.certificate_entry());
        let (intent, logged) = tokio::try_join!(intent, logged)?;
        let unreleased = prepared.sign(&intent, &logged)?;
        let receipt = self.audit.append(unreleased.leaf()).await?;
        let certificate = unreleased.release(receipt).map_err(SigningError::from)?;
        self.issued_lately.remember(certificate.der());
        Ok(certificate)
    }

    async fn prepare_after_fetching(&self, unprepared: Outcome, call: &Call<'_>) -> Result<Box<Prepared>, IssueError> {
        let request = match unprepared {
            Outcome::Prepared(prepared) => return Ok(prepared),
            Outcome::NeedsKeys { issuer, request } => {
                self.keys.refresh(&issuer).await.map_err(|error| keys_unavailable(&issuer, &error))?;
                request
            }
            Outcome::NeedsBundle { needs, request } => {
                self.bundles.refresh_for(&needs, &self.issuers, call.id).await;
                request
            }
        };
        match self.issuance.prepare(*request, &self.issuers, call)? {
            Outcome::Prepared(prepared) => Ok(prepared),
            Outcome::NeedsKeys { issuer, .. } => {
                Err(SigningError::from(CallerFault::KeyUnknown(issuer.iss().to_string())).into())
            }
            Outcome::NeedsBundle { needs, .. } => Err(SigningError::from(needs).into()),
        }
    }
}

/// The caller learns which issuer. Why its keys cannot be fetched goes to our log only, since it names internal hosts.
fn keys_unavailable(issuer: &Issuer, error: &KeyRefreshError) -> SigningError {
    tracing::warn!(%error, "the issuer's keys could not be fetched, so its token is refused");
    UpstreamFault::Keys(issuer.iss().to_string()).into()
}
