//! An answer of a domain, as one line for the audit log.

use broker::registration::{Observation, SourceAnswer};

/// Longest line, in characters.
const MAX: usize = 600;

/// The source, its answer, and the target of a CNAME.
pub(super) fn of(observation: &Observation) -> String {
    let said = match &observation.answer {
        SourceAnswer::Records { texts, alias, is_signed } => {
            let signed = if *is_signed { "signed" } else { "not signed" };
            let alias = alias.as_ref().map(|target| format!(", by the alias {target}")).unwrap_or_default();
            let texts: Vec<_> = texts.iter().map(|text| format!("{:?}", String::from_utf8_lossy(text))).collect();
            format!("{} records, {signed}{alias}: {}", texts.len(), texts.join(" "))
        }
        SourceAnswer::Document(document) => format!("a document of {} bytes", document.len()),
        SourceAnswer::Absent(absence) => absence.to_string(),
        SourceAnswer::Failed(cause) => cause.clone(),
    };
    let line = format!("{}: {said}", observation.source);
    line.chars().take(MAX).collect()
}
