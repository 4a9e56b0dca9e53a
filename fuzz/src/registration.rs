//! What owners of domains send and publish.

use broker::registration::{InstanceName, RegistrationRequest, RequestPolicy, txt_record, well_known};
use shared::time::UnixTime;

const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);

/// A TXT record: what is read says no more than what stands there, and a record that goes over the cap is none.
pub fn txt_record(bytes: &[u8]) {
    let Some(Ok(statement)) = txt_record::parse(bytes) else { return };
    assert!(bytes.len() <= txt_record::MAX_RECORD_BYTES);
    let text = crate::text(bytes).expect("ASCII");
    for part in [statement.iss.as_str(), statement.ca.as_str(), statement.account.as_str()] {
        assert!(text.contains(&format!("={part}")));
    }
    assert!(!statement.kinds.is_empty());
    assert!(!statement.subdomains || text.contains("sub=yes"));
    assert!(!statement.enforce || text.contains("enforce=yes"));
}

/// A host's document proves that host alone.
pub fn issuers_document(bytes: &[u8]) {
    let Ok(entries) = well_known::parse(bytes) else { return };
    assert!(bytes.len() <= well_known::MAX_DOCUMENT_BYTES && entries.len() <= well_known::MAX_ENTRIES);
    assert!(entries.iter().flatten().all(|statement| !statement.subdomains && !statement.enforce));
}

/// A request: what is accepted was signed for this instance and claims what a proof can carry.
pub fn registration_request(bytes: &[u8]) {
    let instance = InstanceName::parse("seal.example.com").expect("an instance");
    let policy = RequestPolicy { instance, danger_loopback_http: false };
    let Ok(request) = RegistrationRequest::parse(bytes, &policy, NOW) else { return };
    assert!(bytes.len() <= broker::registration::MAX_REQUEST_BYTES);
    assert!(request.claim().clone().check().is_ok());
    let other = RequestPolicy { instance: InstanceName::parse("other.example.com").expect("an instance"), ..policy };
    assert!(RegistrationRequest::parse(bytes, &other, NOW).is_err());
}
