//! What the instance would do with a token, and why, for people and programs.

mod text;
pub(crate) mod vectors;

use broker::ca::Profile;
use broker::explain::{
    self as explained, ExplainOutcome, ExplainedDecision, ExplainedRefusal, Explanation, Step, explain, extension_name,
};
use broker::names::Name;
use broker::principal::Principal;
use broker::registry::Issuers;
use serde::{Deserialize, Serialize};
use shared::time::UnixTime;

use crate::outbound::KeyRefresher;
use crate::outbound::bundles::BundleRefresher;

/// Who reads it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reader {
    /// Whoever holds the token: what the authority itself would answer, and no more.
    Bearer,
    /// Somebody who looks after the instance: the record's grants and the owner of a name as well.
    Instance,
}

/// An explanation as JSON. The token is named by its SHA-256 only.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// `ACCEPT` or `REJECT`.
    pub(crate) verdict: String,
    pub(crate) token_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<Record>,
    pub(crate) steps: Vec<ToldStep>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<ToldRefusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<Certificate>,
}

/// The record that the token leads to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) id: String,
    /// Its `iss`; `spiffe://` and the name of a trust domain.
    pub(crate) iss: String,
    pub(crate) audience: String,
    /// For those who look after the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grants: Option<Vec<String>>,
}

/// A step and what came of it: `passed`, `refused` or `not reached`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToldStep {
    pub(crate) step: String,
    pub(crate) outcome: String,
}

/// Why not.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToldRefusal {
    pub(crate) step: String,
    pub(crate) rule: String,
    pub(crate) reason: String,
    /// For those who look after the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
}

/// What the certificate would say.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Certificate {
    /// The kind of the subject alternative name, as RFC 5280 calls it.
    pub(crate) name_type: String,
    pub(crate) name: String,
    /// The issuer that verifiers ask for beside the name.
    pub(crate) issuer: String,
    pub(crate) not_before: String,
    pub(crate) not_after: String,
    pub(crate) extensions: Vec<Extension>,
    /// Rule, asserter and grant, as the audit log would have them.
    pub(crate) permitted_by: String,
}

/// An extension of the certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Extension {
    pub(crate) oid: String,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Who fetches what is needed.
#[derive(Clone, Copy)]
pub(crate) struct Refreshers<'a> {
    pub(crate) keys: &'a KeyRefresher,
    pub(crate) bundles: &'a BundleRefresher,
}

/// What a token is judged by.
pub(crate) struct Judge<'a> {
    pub(crate) issuers: &'a Issuers,
    /// The profile of the certificate that there would be.
    pub(crate) profile: Profile,
    /// The moment that it is judged for.
    pub(crate) now: UnixTime,
    pub(crate) reader: Reader,
}

impl Judge<'_> {
    /// Explains the token; the issuer's keys or the trust domain's bundle are fetched once if they are needed, as for a certificate.
    pub(crate) async fn explain(&self, token: &[u8], keepers: Refreshers<'_>) -> Report {
        // The cause tells of hosts inside the instance, so it is for those who look after it.
        let trouble = match explain(token, self.issuers, self.now) {
            ExplainOutcome::Explained(explanation) => return self.report(explanation),
            ExplainOutcome::NeedsKeys { issuer, .. } => {
                let refreshed = keepers.keys.refresh(&issuer).await.map_err(|error| error.to_string());
                refreshed
                    .err()
                    .map(|cause| (format!("the keys of {} cannot be fetched at the moment", issuer.iss()), cause))
            }
            ExplainOutcome::NeedsBundle { record, .. } => {
                let refreshed = keepers.bundles.refresh(&record, self.issuers).await.map_err(|error| error.to_string());
                let told = format!("the bundle of {} cannot be fetched at the moment", record.name());
                refreshed.err().map(|cause| (told, cause))
            }
        };
        match explain(token, self.issuers, self.now) {
            ExplainOutcome::Explained(explanation) => self.report(explanation),
            ExplainOutcome::NeedsKeys { otherwise, .. } | ExplainOutcome::NeedsBundle { otherwise, .. } => {
                let mut report = self.report(otherwise);
                if let (Some((told, cause)), Some(refusal)) = (trouble, &mut report.refusal) {
                    refusal.reason = match self.reader {
                        Reader::Bearer => told,
                        Reader::Instance => cause,
                    };
                }
                report
            }
        }
    }

    fn report(&self, explanation: Explanation) -> Report {
        let Explanation { token_sha256, record, decision } = explanation;
        let (refusal, certificate) = match decision {
            ExplainedDecision::Permitted(principal) => (None, Some(self.certificate(&principal))),
            ExplainedDecision::Refused(refusal) => (Some(refusal), None),
        };
        Report {
            verdict: if refusal.is_none() { "ACCEPT" } else { "REJECT" }.to_owned(),
            token_sha256: hex::encode(token_sha256),
            record: record.map(|record| self.record(&record)),
            steps: steps(refusal.as_ref()),
            refusal: refusal.map(|refusal| self.refusal(refusal)),
            certificate,
        }
    }

    fn record(&self, record: &explained::ExplainedRecord) -> Record {
        let (iss, audience, grants) = match record {
            explained::ExplainedRecord::Issuer(issuer) => {
                (issuer.iss().to_string(), issuer.audience(), issuer.grants())
            }
            explained::ExplainedRecord::TrustDomain(trust_domain) => {
                (format!("spiffe://{}", trust_domain.name()), trust_domain.audience(), trust_domain.grants())
            }
        };
        let told = || grants.iter().map(|grant| grant.scope().to_string()).collect();
        Record {
            id: record.id().to_owned(),
            iss,
            audience: audience.to_string(),
            grants: (self.reader == Reader::Instance).then(told),
        }
    }

    fn refusal(&self, refusal: ExplainedRefusal) -> ToldRefusal {
        ToldRefusal {
            step: refusal.step.name().to_owned(),
            rule: refusal.rule.id().to_owned(),
            reason: refusal.reason,
            owner: refusal.owner.filter(|_| self.reader == Reader::Instance),
        }
    }

    fn certificate(&self, principal: &Principal) -> Certificate {
        let not_before = self.now.floor_to_second();
        let moment = |at: UnixTime| at.rfc3339().unwrap_or_default();
        let extension = |(number, value): (u8, &str)| Extension {
            oid: format!("{}.{number}", broker::ca::oid::FULCIO_ARC),
            name: extension_name(number).to_owned(),
            value: value.to_owned(),
        };
        Certificate {
            name_type: name_type(principal.name()).to_owned(),
            name: principal.name().as_str().to_owned(),
            issuer: principal.issuer_label().to_owned(),
            not_before: moment(not_before),
            not_after: moment(not_before.plus(self.profile.lifetime())),
            extensions: principal.extensions().map(extension).collect(),
            permitted_by: principal.rule().to_owned(),
        }
    }
}

fn name_type(name: &Name) -> &'static str {
    match name {
        Name::Email(_) => "rfc822Name",
        Name::SpiffeId(_) | Name::Uri(_) => "uniformResourceIdentifier",
        Name::Username(_) => "otherName",
    }
}

fn steps(refusal: Option<&ExplainedRefusal>) -> Vec<ToldStep> {
    let outcome = |step: Step| match refusal {
        Some(refusal) if step == refusal.step => "refused",
        Some(refusal) if step > refusal.step => "not reached",
        _ => "passed",
    };
    Step::ALL.map(|step| ToldStep { step: step.name().to_owned(), outcome: outcome(step).to_owned() }).to_vec()
}
