//! The document of a host at `/.well-known/sigstore-issuers.json`.

use broker::issuer::Reach;
use broker::registration::{Absence, Observation, SourceAnswer};

use crate::outbound::{Outbound, OutboundError};

/// Fetches the document. The address is checked before connecting, and no redirect is followed: with either, outsiders
/// could make a server fetch what they cannot reach.
pub(crate) async fn observe(source: &str, url: &str, reach: &Reach) -> Observation {
    let fetched = match Outbound::new(reach) {
        Ok(outbound) => outbound.fetch(url).await,
        Err(error) => Err(error),
    };
    let answer = match fetched {
        Ok(document) => SourceAnswer::Document(document),
        Err(OutboundError::Status { status: 404 | 410, .. }) => SourceAnswer::Absent(Absence::NoDocument),
        Err(error) => SourceAnswer::Failed(error.to_string()),
    };
    Observation { source: source.to_owned(), answer }
}
