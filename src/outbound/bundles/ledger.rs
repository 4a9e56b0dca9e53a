//! What changes which bundle is in force: it is in the audit log first.

use std::sync::Arc;

use broker::trust_domain::{Admission, Bundle, CurrentBundle, RefusedBundle, TrustDomainRecord};
use shared::audit::{AuditRecord, BundleEvent};
use shared::log::{AppendError, Log};
use shared::time::{Clock, UnixTime};

/// The way into force, past the audit log.
pub(super) struct Ledger {
    /// None: nothing is recorded, for an explanation by a configuration alone.
    pub(super) audit: Option<Log>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Ledger {
    /// Puts a bundle in force as of `at`, when its source said it. Recorded first, then in force; but what only takes
    /// trust away takes effect whatever the log does.
    pub(super) async fn put_in_force(
        &self,
        record: &TrustDomainRecord,
        bundle: &Arc<Bundle>,
        at: UnixTime,
        admission: Admission,
    ) -> Result<(), AppendError> {
        let event = match admission {
            Admission::Unchanged => {
                record.replace(CurrentBundle::new(bundle.clone(), at));
                return Ok(());
            }
            Admission::Emptied => BundleEvent::Emptied,
            Admission::Fetched => BundleEvent::Fetched,
        };
        let only_takes_away =
            record.held().bundle().is_some_and(|held| bundle.fingerprints().is_subset(held.fingerprints()));
        if only_takes_away {
            record.replace(CurrentBundle::new(bundle.clone(), at));
        }
        let entry = AuditRecord::BundleChanged {
            at_ms: self.clock.now().millis(),
            trust_domain: record.name().to_string(),
            event,
            sequence: bundle.sequence(),
            keys: bundle.fingerprints().iter().map(hex::encode).collect(),
            reason: String::new(),
        };
        match self.record(&entry).await {
            Ok(()) => record.replace(CurrentBundle::new(bundle.clone(), at)),
            Err(error) if only_takes_away => tracing::error!(%error, "a withdrawal is in force without a record"),
            Err(error) => return Err(error),
        }
        if self.audit.is_none() {
            // Nothing is in force in an explanation, whose reader is told what was found.
            return Ok(());
        }
        let (trust_domain, keys) = (record.name(), bundle.fingerprints().len());
        match admission {
            Admission::Emptied => tracing::error!(%trust_domain, "its bundle holds no key: everything is withdrawn"),
            Admission::Fetched | Admission::Unchanged => {
                tracing::info!(%trust_domain, keys, sequence = bundle.sequence(), "bundle in force");
            }
        }
        for skipped in bundle.skipped() {
            tracing::debug!(%trust_domain, entry = skipped.index, reason = %skipped.reason, "left out of the bundle");
        }
        Ok(())
    }

    /// An alarm, once for as long as the same is refused: `before` says what the last look refused, if anything.
    pub(super) async fn refuse(
        &self,
        record: &TrustDomainRecord,
        refused: &RefusedBundle,
        before: Option<&RefusedBundle>,
        now: UnixTime,
    ) {
        if before == Some(refused) || self.audit.is_none() {
            return;
        }
        let (trust_domain, rule) = (record.name(), refused.rule());
        tracing::error!(%trust_domain, %refused, %rule, "a bundle is refused; the one before stays in force");
        let entry = AuditRecord::BundleChanged {
            at_ms: now.millis(),
            trust_domain: trust_domain.to_string(),
            event: BundleEvent::Refused,
            sequence: None,
            keys: Vec::new(),
            reason: format!("{refused} (rule {rule})"),
        };
        if let Err(error) = self.record(&entry).await {
            tracing::error!(%error, "a refused bundle is not in the audit log");
        }
    }

    async fn record(&self, entry: &AuditRecord) -> Result<(), AppendError> {
        match &self.audit {
            Some(audit) => audit.append(entry.to_leaf()).await.map(drop),
            None => Ok(()),
        }
    }
}
