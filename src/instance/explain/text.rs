//! The explanation for people.

use std::fmt::{Display, Formatter, Result};

use super::{ExplainedCertificate, ExplanationReport};

impl Display for ExplanationReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.refusal {
            None => writeln!(f, "This token would get a certificate.")?,
            Some(refusal) => {
                writeln!(f, "This token would be refused by rule {}, at the step \"{}\":", refusal.rule, refusal.step)?;
                writeln!(f, "  {}", refusal.reason)?;
                if let Some(owner) = &refusal.owner {
                    writeln!(f, "  the name belongs to {owner}")?;
                }
            }
        }
        writeln!(f, "\nToken:   SHA-256 {}", self.token_sha256)?;
        if let Some(record) = &self.record {
            writeln!(f, "ExplainedRecord:  {} for {}, audience {}", record.id, record.iss, record.audience)?;
            for grant in record.grants.iter().flatten() {
                writeln!(f, "  grant  {grant}")?;
            }
        }
        writeln!(f, "\nSteps:")?;
        for step in &self.steps {
            writeln!(f, "  {:<10} {}", step.step, step.outcome)?;
        }
        self.certificate.as_ref().map_or(Ok(()), |certificate| write!(f, "{certificate}"))
    }
}

impl Display for ExplainedCertificate {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "\nThe certificate would say:")?;
        writeln!(f, "  name       {} ({})", self.name, self.name_type)?;
        writeln!(f, "  valid      from {} to {}", self.not_before, self.not_after)?;
        writeln!(f, "  because    {}", self.permitted_by)?;
        for extension in &self.extensions {
            writeln!(f, "  {}  {}: {}", extension.oid, extension.name, extension.value)?;
        }
        Ok(())
    }
}
