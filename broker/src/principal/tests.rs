use super::*;
use crate::grants::Grant;
use crate::names::IssuerLabel;
use crate::profile::Profile;
use crate::registry::Issuers;
use crate::token::mint::{ISS, record, token_of};

fn principal(profile: Profile, grant: Grant, claims: &str) -> Principal {
    let issuers = Issuers::build(vec![record("idp", ISS, profile, vec![grant])], Vec::new()).expect("builds");
    Principal::from(issuers.rules().permit(token_of(&issuers, ISS, claims)).expect("is permitted"))
}

#[test]
fn a_person_is_named_by_the_address_and_proves_the_claim_as_it_came() {
    let grant = Grant::email_domain("example.com", false).expect("is a grant");
    let person =
        principal(Profile::Human, grant, r#","sub":"CgcyMzQ","email":"Alice@EXAMPLE.com","email_verified":true"#);
    assert_eq!(person.name().as_str(), "Alice@example.com");
    assert_eq!(person.proof_name(), "Alice@EXAMPLE.com");
    assert_eq!(person.subject(), "CgcyMzQ");
    assert_eq!(person.extensions().collect::<Vec<_>>(), [(1, ISS), (8, ISS), (24, "CgcyMzQ")]);
    assert_eq!(person.rule(), "E6 issuer:idp email-domain:example.com");
}

#[test]
fn a_workload_is_named_by_its_subject() {
    let grant = Grant::uri_prefix("https://example.com/ci").expect("is a grant");
    let job = principal(Profile::Uri, grant, r#","sub":"https://example.com/ci/job/1","email":"a@example.com""#);
    assert_eq!(job.name().as_str(), "https://example.com/ci/job/1");
    assert_eq!(job.proof_name(), "https://example.com/ci/job/1");
    assert_eq!(job.rule(), "V4 issuer:idp uri:https://example.com/ci");
}

#[test]
fn certificates_call_an_issuer_by_its_label() {
    let grant = Grant::uri_prefix("https://example.com/ci").expect("is a grant");
    let mut spec = record("idp", ISS, Profile::Uri, vec![grant]);
    spec.label = Some(IssuerLabel::parse("https://prod.clusters.example.com").expect("is a label"));
    let issuers = Issuers::build(vec![spec], Vec::new()).expect("builds");
    let token = token_of(&issuers, ISS, r#","sub":"https://example.com/ci/job/1""#);
    let job = Principal::from(issuers.rules().permit(token).expect("is permitted"));
    let label = "https://prod.clusters.example.com";
    assert_eq!(job.extensions().collect::<Vec<_>>(), [(1, label), (8, label), (24, "https://example.com/ci/job/1")]);
    assert_eq!(job.issuer_label(), label);
    assert_eq!(job.issuer(), ISS, "the audit log says what the token said");
}
