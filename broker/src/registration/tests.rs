use std::time::Duration;

use shared::time::UnixTime;

use super::*;
use crate::grants::{Grant, Scope};
use crate::issuer::Reach;
use crate::jose::JoseAlgorithm;
use crate::names::{DomainName, IssuerUrl};
use crate::profile::Profile;
use crate::registry::Issuers;
use crate::token::mint::TestKey;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const T0: u64 = 1_795_000_000;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(T0 + seconds)
}

fn instance() -> InstanceName {
    InstanceName::parse("seal.example.com").expect("is an instance")
}

fn policy() -> RequestPolicy {
    RequestPolicy { instance: instance(), danger_loopback_http: false }
}

/// A registrant's key with its JWK and account.
struct Registrant {
    key: TestKey,
    jwk: String,
}

impl Registrant {
    fn new() -> Self {
        let key = TestKey::generate(JoseAlgorithm::Es256);
        let jwk = key.jwk("k", "");
        Self { key, jwk }
    }

    fn account(&self) -> Account {
        // Any request names it.
        let request = self.request(&self.claim_as("example.com", Account::parse(&"A".repeat(43)).expect("is one")));
        request.claim().account.clone()
    }

    fn claim_as(&self, domain: &str, account: Account) -> Claim {
        Claim {
            domain: DomainName::parse(domain).expect("is a domain"),
            iss: IssuerUrl::parse("https://idp.example.com").expect("is an issuer"),
            kind: NameKind::Email,
            subdomains: false,
            method: ProofMethod::Dns,
            account,
        }
    }

    fn claim(&self, domain: &str) -> Claim {
        self.claim_as(domain, self.account())
    }

    fn sign(&self, claim: &Claim, at: UnixTime) -> String {
        let input = signing_input(claim, &instance(), JoseAlgorithm::Es256, &self.jwk, at);
        let (header, claims) = input.split_once('.').expect("has a dot");
        let decode = |text: &str| {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("is base64url");
            String::from_utf8(bytes).expect("is text")
        };
        self.key.sign(JoseAlgorithm::Es256, &decode(header), &decode(claims))
    }

    fn request(&self, claim: &Claim) -> RegistrationRequest {
        RegistrationRequest::parse(self.sign(claim, at(0)).as_bytes(), &policy(), at(0)).expect("is a request")
    }
}

fn records(source: &str, texts: &[&str]) -> Observation {
    let texts = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    Observation { source: source.to_owned(), answer: SourceAnswer::Records { texts, alias: None, is_signed: false } }
}

fn absent(source: &str, absence: Absence) -> Observation {
    Observation { source: source.to_owned(), answer: SourceAnswer::Absent(absence) }
}

fn failed(source: &str) -> Observation {
    Observation { source: source.to_owned(), answer: SourceAnswer::Failed("SERVFAIL".to_owned()) }
}

fn no() -> ProofFinding {
    ProofFinding::Absent(Absence::NxDomain, None)
}

fn unknown() -> ProofFinding {
    ProofFinding::Unknown(Inconclusive::TooFew { answered: 0, asked: 2, needed: 2, failures: "SERVFAIL".to_owned() })
}

fn yes() -> ProofFinding {
    yes_until(None)
}

fn yes_until(until: Option<UnixTime>) -> ProofFinding {
    ProofFinding::Proved(Proof { subdomains: false, enforce: false, until, is_signed: false, alias: None })
}

/// Asked for, proven and approved at the beginning.
fn active(registrant: &Registrant, domain: &str) -> Registration {
    activated(registrant, &registrant.claim(domain))
}

fn activated(registrant: &Registrant, claim: &Claim) -> Registration {
    let request = registrant.request(claim);
    let pending = Registration::request(&request, "owner@example.com", true, at(0)).next;
    let proven = pending.checked(&yes(), &Timing::default(), at(1)).expect("is checked").next;
    assert_eq!(proven.state(), RegistrationState::Pending);
    let active = proven.approve("admin@example.com", &Timing::default(), at(2)).expect("is approved").next;
    assert_eq!(active.state(), RegistrationState::Active);
    active
}

#[test]
fn a_request_is_signed_by_the_key_that_it_names_for_this_instance_now() {
    let (owner, thief) = (Registrant::new(), Registrant::new());
    let claim = owner.claim("example.com");
    let jws = owner.sign(&claim, at(0));
    let parse = |jws: &str, now| RegistrationRequest::parse(jws.as_bytes(), &policy(), now);
    assert_eq!(parse(&jws, at(0)).map(|request| request.claim().clone()), Ok(claim.clone()));
    assert!(matches!(parse(&jws, at(601)), Err(RegistrationRequestError::Stale { .. })));
    assert!(matches!(parse(&owner.sign(&claim, at(601)), at(0)), Err(RegistrationRequestError::Stale { .. })));
    let other = RequestPolicy { instance: InstanceName::parse("other").expect("is an instance"), ..policy() };
    let refused = RegistrationRequest::parse(jws.as_bytes(), &other, at(0));
    assert!(matches!(refused, Err(RegistrationRequestError::OtherInstance(_))));
    // The thief's signature under the owner's key, and the thief's claim under the owner's signature.
    let stolen = thief.sign(&thief.claim("example.com"), at(0));
    let (signed, signature) = (jws.rsplit_once('.').expect("has dots").0, stolen.rsplit_once('.').expect("has dots").1);
    assert_eq!(parse(&format!("{signed}.{signature}"), at(0)), Err(RegistrationRequestError::Signature));
    // The account is of the key that signed, no matter what the request says.
    let posing = Claim { account: owner.account(), ..thief.claim("example.com") };
    assert_eq!(thief.request(&posing).claim().account, thief.account());
}

#[test]
fn a_request_of_another_form_is_refused() {
    let owner = Registrant::new();
    let good = format!(r#"{{"alg":"ES256","typ":"{REQUEST_TYPE}","jwk":{}}}"#, owner.jwk);
    let claims = format!(
        r#"{{"aud":"seal.example.com","iat":{T0},"domain":"example.com","issuer":"https://idp.example.com","kind":"email","subdomains":false,"method":"dns"}}"#
    );
    let parse = |header: &str, claims: &str| {
        let jws = owner.key.sign(JoseAlgorithm::Es256, header, claims);
        RegistrationRequest::parse(jws.as_bytes(), &policy(), at(0))
    };
    assert!(parse(&good, &claims).is_ok());
    let private = owner.jwk.replace("\"kid\"", "\"d\":\"AA\",\"kid\"");
    for header in [
        good.replace(REQUEST_TYPE, "JWT"),
        good.replace("ES256", "ES384"),
        good.replace("ES256", "none"),
        good.replace("\"alg\"", "\"crit\":[\"x\"],\"alg\""),
        good.replace(&owner.jwk, &private),
        good.replace(&owner.jwk, "{}"),
    ] {
        assert!(parse(&header, &claims).is_err(), "{header}");
    }
    for (from, to) in [
        ("example.com\",\"issuer", "Example.com\",\"issuer"),
        ("https://", "http://"),
        ("\"email\"", "\"dns\""),
        ("\"method\":\"dns\"", "\"method\":\"well-known\""),
        ("\"method\":\"dns\"", "\"method\":\"tls-alpn\""),
        ("false", "\"false\""),
        ("\"iat\"", "\"ait\""),
        ("idp.example.com", "idp.example.com/a;b"),
        ("\"example.com\"", "\"co.uk\""),
        ("\"example.com\"", "\"github.io\""),
        ("\"email\"", "\"Spiffe\""),
    ] {
        assert!(parse(&good, &claims.replace(from, to)).is_err(), "{to}");
    }
    let long = format!("{good}{}", " ".repeat(MAX_REQUEST_BYTES));
    assert!(matches!(parse(&long, &claims), Err(RegistrationRequestError::TooLong { .. })));
}

#[test]
fn a_proof_carries_no_more_than_its_method() {
    let owner = Registrant::new();
    let claim = owner.claim("example.com");
    let check = |kind, method, subdomains| Claim { kind, method, subdomains, ..claim.clone() }.check().map(|_| ());
    assert_eq!(check(NameKind::Email, ProofMethod::WellKnown, false), Err(RegistrationClaimError::EmailNeedsDns));
    assert_eq!(
        check(NameKind::Uri, ProofMethod::WellKnown, true),
        Err(RegistrationClaimError::SubdomainsOf(NameKind::Uri))
    );
    for method in [ProofMethod::Dns, ProofMethod::WellKnown] {
        assert_eq!(check(NameKind::Spiffe, method, true), Err(RegistrationClaimError::SubdomainsOf(NameKind::Spiffe)));
        assert_eq!(check(NameKind::Spiffe, method, false), Ok(()));
    }
    assert_eq!(check(NameKind::Uri, ProofMethod::Dns, true), Err(RegistrationClaimError::SubdomainsOf(NameKind::Uri)));
    assert_eq!(check(NameKind::Uri, ProofMethod::WellKnown, false), Ok(()));
    assert_eq!(check(NameKind::Email, ProofMethod::Dns, true), Ok(()));
    let long = format!("{}.{}.{}.example", "a".repeat(63), "b".repeat(63), "c".repeat(63));
    let domain = DomainName::parse(&format!("{}.{long}", "d".repeat(40))).expect("is a domain");
    assert_eq!(Claim { domain, ..claim }.check(), Err(RegistrationClaimError::DomainLength { length: 240 }));
}

#[test]
fn answers_are_evaluated_together() {
    let owner = Registrant::new();
    let claim = Claim { subdomains: true, ..owner.claim("example.com") };
    let good = txt_record::write(&claim, &instance(), None);
    let evaluate = |observations: &[Observation]| super::evaluate(&claim, &instance(), observations, 2, at(0));
    let proved = |finding: ProofFinding| match finding {
        ProofFinding::Proved(proof) => proof,
        other => panic!("not proved: {other:?}"),
    };
    assert!(proved(evaluate(&[records("a", &["spf", &good]), records("b", &[&good])])).subdomains);
    // One alone, or one beside a failure, is not enough; three with one failure are.
    assert!(matches!(evaluate(&[records("a", &[&good])]), ProofFinding::Unknown(Inconclusive::TooFew { .. })));
    assert!(matches!(
        evaluate(&[records("a", &[&good]), failed("b")]),
        ProofFinding::Unknown(Inconclusive::TooFew { .. })
    ));
    assert!(proved(evaluate(&[records("a", &[&good]), failed("b"), records("c", &[&good])])).subdomains);
    // A failure is no no.
    assert!(matches!(evaluate(&[failed("a"), failed("b")]), ProofFinding::Unknown(Inconclusive::TooFew { .. })));
    assert!(matches!(evaluate(&[]), ProofFinding::Unknown(Inconclusive::TooFew { .. })));
    let gone = [absent("a", Absence::NxDomain), absent("b", Absence::NoData)];
    assert_eq!(evaluate(&gone), ProofFinding::Absent(Absence::NxDomain, None));
    assert!(matches!(evaluate(&[absent("a", Absence::NxDomain), failed("b")]), ProofFinding::Unknown(_)));
    // Two that disagree, about being there or about how far it goes.
    let disagree = ProofFinding::Unknown(Inconclusive::Disagree { first: "a".into(), second: "b".into() });
    assert_eq!(evaluate(&[records("a", &[&good]), absent("b", Absence::NxDomain)]), disagree);
    let narrow = good.replace("; sub=yes", "");
    assert_eq!(evaluate(&[records("a", &[&good]), records("b", &[&narrow])]), disagree);
    assert_eq!(evaluate(&[records("a", &[&good]), failed("x"), records("b", &[&narrow])]), disagree);
    // What the record does not say is not granted.
    assert!(!proved(evaluate(&[records("a", &[&narrow]), records("b", &[&narrow])])).subdomains);
}

#[test]
fn a_record_for_another_party_proves_nothing_and_the_nearest_mistake_is_named() {
    let (owner, thief) = (Registrant::new(), Registrant::new());
    let claim = thief.claim("example.com");
    let copied = txt_record::write(&owner.claim("example.com"), &instance(), None);
    let misfit = |texts: &[&str]| {
        let observations = [records("a", texts), records("b", texts)];
        match evaluate(&claim, &instance(), &observations, 2, at(10)) {
            ProofFinding::Absent(Absence::NotListed, misfit) => misfit,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(misfit(&[&copied]), Some(ClosestRecord::Account(owner.account().to_string())));
    let good = txt_record::write(&claim, &instance(), None);
    assert_eq!(misfit(&[&good.replace("seal.", "other.")]), Some(ClosestRecord::Instance("other.example.com".into())));
    assert_eq!(misfit(&[&good.replace("=email", "=uri"), &copied]), Some(ClosestRecord::Kind));
    assert_eq!(misfit(&[&txt_record::write(&claim, &instance(), Some(at(10)))]), Some(ClosestRecord::Ended(T0 + 10)));
    assert_eq!(
        misfit(&[&good.replace("idp.", "evil.")]),
        Some(ClosestRecord::Issuer("https://evil.example.com".into()))
    );
    assert!(matches!(misfit(&[&format!("{good}; sub=maybe")]), Some(ClosestRecord::Unreadable(_))));
    assert_eq!(misfit(&["v=spf1 -all"]), None);
}

#[test]
fn a_document_covers_its_host_alone() {
    let owner = Registrant::new();
    let claim = Claim { kind: NameKind::Uri, method: ProofMethod::WellKnown, ..owner.claim("build.example.com") };
    let document = well_known::write(&claim, &instance());
    let observe = |body: &str| {
        let answer = SourceAnswer::Document(body.as_bytes().to_vec());
        evaluate(&claim, &instance(), &[Observation { source: "build.example.com".into(), answer }], 2, at(0))
    };
    assert_eq!(observe(&document), yes());
    assert!(matches!(observe(r#"{"version":1,"issuers":[]}"#), ProofFinding::Absent(Absence::NotListed, None)));
    assert!(matches!(observe("<html>"), ProofFinding::Unknown(_)));
}

#[test]
fn only_proof_and_approval_make_it_active() {
    let owner = Registrant::new();
    let request = owner.request(&owner.claim("example.com"));
    let timing = Timing::default();
    let pending = Registration::request(&request, "o", true, at(0)).next;
    // Approved first, proven later.
    let approved = pending.approve("admin", &timing, at(1)).expect("is approved").next;
    assert_eq!(approved.state(), RegistrationState::Pending);
    assert_eq!(approved.approve("admin", &timing, at(1)), Err(LifeError::Approved));
    let change = approved.checked(&yes(), &timing, at(2)).expect("is checked");
    assert_eq!(
        (change.from, change.next.state(), change.event),
        (Some(RegistrationState::Pending), RegistrationState::Active, LifeEvent::Proved)
    );
    // A proof that is gone again before the approval does not count.
    let proven = pending.checked(&yes(), &timing, at(1)).expect("is checked").next;
    assert!(proven.awaits_approval());
    let gone = proven.checked(&no(), &timing, at(2)).expect("is checked").next;
    assert_eq!(gone.approve("admin", &timing, at(3)).expect("is approved").next.state(), RegistrationState::Pending);
    // An old proof does not either.
    let late = proven.approve("admin", &timing, at(73 * HOUR)).expect("is approved").next;
    assert_eq!(late.state(), RegistrationState::Pending);
    // Without an approval requirement, the proof is enough.
    let open = Registration::request(&request, "o", false, at(0)).next;
    assert_eq!(open.checked(&yes(), &timing, at(1)).expect("is checked").next.state(), RegistrationState::Active);
    // Below an unknown top-level domain, an administrator must.
    let inside = owner.request(&owner.claim("corp.internal"));
    let inside = Registration::request(&inside, "o", false, at(0)).next;
    assert!(inside.checked(&yes(), &timing, at(1)).expect("is checked").next.awaits_approval());
    // No one does anything.
    assert_eq!(pending.elapsed(&timing, at(29 * DAY)), None);
    assert!(pending.elapsed(&timing, at(30 * DAY)).expect("changes").is_dropped);
}

#[test]
fn no_twice_freezes_and_a_failure_does_not() {
    let owner = Registrant::new();
    let timing = Timing::default();
    let start = active(&owner, "example.com");
    let check = |registration: &Registration, finding: &ProofFinding, seconds| {
        registration.checked(finding, &timing, at(seconds)).expect("is checked").next
    };
    let once = check(&start, &no(), DAY);
    assert_eq!(once.state(), RegistrationState::Active);
    assert_eq!(once.next_check(&timing), Some(at(DAY + 600)));
    // Asking again at once is not asking twice.
    assert_eq!(check(&once, &no(), DAY + 599).state(), RegistrationState::Active);
    let unsure = check(&once, &unknown(), DAY + 600);
    assert_eq!((unsure.state(), unsure.next_check(&timing)), (RegistrationState::Active, Some(at(DAY + 600 + HOUR))));
    let frozen = check(&unsure, &no(), DAY + 600 + HOUR);
    assert_eq!((frozen.state(), frozen.next_check(&timing)), (RegistrationState::Frozen, None));
    // A yes between takes the first no back.
    let back = check(&check(&once, &yes(), DAY + 600), &no(), 2 * DAY);
    assert_eq!(back.state(), RegistrationState::Active);
    // The owner publishes it again and asks: the approval still stands.
    assert_eq!(check(&frozen, &yes(), 3 * DAY).state(), RegistrationState::Active);
    // Nothing but failures: never frozen, but stale after 72 hours, and active again with the next yes.
    let mut dark = start.clone();
    for hour in 1..72 {
        dark = check(&dark, &unknown(), hour * HOUR);
        assert_eq!((dark.state(), dark.elapsed(&timing, at(hour * HOUR))), (RegistrationState::Active, None));
    }
    let stale = dark.elapsed(&timing, at(72 * HOUR + 1)).expect("changes").next;
    assert_eq!(stale.state(), RegistrationState::Stale);
    assert_eq!(check(&stale, &unknown(), 80 * HOUR).state(), RegistrationState::Stale);
    assert_eq!(check(&stale, &yes(), 80 * HOUR).state(), RegistrationState::Active);
    let over = stale.elapsed(&timing, at(90 * DAY + 1)).expect("changes").next;
    assert_eq!(over.state(), RegistrationState::Tombstoned);
    assert_eq!(over.checked(&yes(), &timing, at(90 * DAY + 2)), Err(LifeError::Tombstoned));
    assert_eq!(over.elapsed(&timing, at(900 * DAY)), None);
}

#[test]
fn until_ends_it_and_a_later_until_prolongs_it() {
    let owner = Registrant::new();
    let timing = Timing::default();
    let start = active(&owner, "example.com");
    let dated = start.checked(&yes_until(Some(at(2 * DAY))), &timing, at(DAY)).expect("is checked").next;
    assert_eq!(dated.elapsed(&timing, at(2 * DAY - 1)), None);
    let over = dated.elapsed(&timing, at(2 * DAY)).expect("changes").next;
    assert_eq!(over.state(), RegistrationState::Tombstoned);
    let prolonged = dated.checked(&yes_until(Some(at(3 * DAY))), &timing, at(DAY + 1)).expect("is checked").next;
    assert_eq!(prolonged.elapsed(&timing, at(2 * DAY)), None);
}

#[test]
fn a_freeze_by_hand_holds_until_those_who_may_lift_it() {
    let owner = Registrant::new();
    let timing = Timing::default();
    let start = active(&owner, "example.com");
    let by_owner = start.freeze("owner", false, "lost laptop", at(10)).expect("is frozen").next;
    assert_eq!(by_owner.checked(&yes(), &timing, at(20)).expect("is checked").next.state(), RegistrationState::Active);
    let by_admin = start.freeze("admin", true, "incident 7", at(10)).expect("is frozen").next;
    let proven = by_admin.checked(&yes(), &timing, at(20)).expect("is checked").next;
    assert_eq!(proven.state(), RegistrationState::Frozen, "proof alone does not lift an administrator's freeze");
    assert_eq!(proven.approve("admin", &timing, at(30)).expect("is approved").next.state(), RegistrationState::Active);
    assert_eq!(by_admin.approve("admin", &timing, at(80 * HOUR)), Err(LifeError::ProofTooOld));
    // An administrator may tighten an owner's freeze; it cannot be frozen twice.
    let tightened = by_owner.freeze("admin", true, "incident 8", at(11)).expect("is frozen").next;
    assert!(tightened.awaits_approval());
    assert_eq!(tightened.freeze("admin", true, "again", at(12)), Err(LifeError::Frozen));
    assert_eq!(by_owner.freeze("owner", false, "again", at(12)), Err(LifeError::Frozen));
}

#[test]
fn names_that_somebody_had_need_a_release_and_another_issuer() {
    let (old, new) = (Registrant::new(), Registrant::new());
    let timing = Timing::default();
    let mut roster = Roster::default();
    let start = active(&old, "example.com");
    roster.put(start.clone());
    let same_iss = new.request(&new.claim("example.com"));
    let other_iss = {
        let iss = IssuerUrl::parse("https://login.example.com").expect("is an issuer");
        new.request(&Claim { iss, ..new.claim("example.com") })
    };
    let is_held = |roster: &Roster| matches!(roster.admit(&other_iss, "n"), Err(RosterError::HeldByAnother { .. }));
    assert!(is_held(&roster));
    assert_eq!(start.release("admin", false, at(5)), Err(LifeError::StillAsserts));
    let frozen = start.freeze("admin", true, "sold", at(5)).expect("is frozen").next;
    roster.put(frozen.clone());
    assert!(is_held(&roster));
    let over = start.elapsed(&timing, at(91 * DAY)).expect("changes").next;
    roster.put(over);
    assert!(is_held(&roster), "a tombstone holds its names");
    let released = frozen.release("admin", false, at(6)).expect("is released").next;
    assert_eq!(released.state(), RegistrationState::Tombstoned);
    roster.put(released.clone());
    assert_eq!(roster.admit(&other_iss, "n"), Ok(None));
    assert!(matches!(roster.admit(&same_iss, "n"), Err(RosterError::IssuerOfFormerHolder { .. })));
    roster.put(released.release("admin", true, at(7)).expect("is released").next);
    assert_eq!(roster.admit(&same_iss, "n"), Ok(None));
    // The former holder's own key needs no release, but an administrator's approval, and a lapse leaves the tombstone.
    let again = old.request(&old.claim("example.com"));
    let tomb = roster.find(start.id().as_str()).expect("is there").clone();
    assert_eq!(roster.admit(&again, "o"), Ok(Some(&tomb)));
    let renewed = tomb.renew(&again, "o", at(8)).next;
    assert!(renewed.awaits_approval() && renewed.was_active());
    let lapsed = renewed.elapsed(&timing, at(40 * DAY)).expect("changes");
    assert_eq!((lapsed.is_dropped, lapsed.next.state()), (false, RegistrationState::Tombstoned));
}

#[test]
fn domains_above_and_below_are_the_same_names_only_with_subdomains() {
    let (old, new) = (Registrant::new(), Registrant::new());
    let mut roster = Roster::default();
    roster.put(active(&old, "example.com"));
    let ask = |claim: &Claim, roster: &Roster| roster.admit(&new.request(claim), "n").map(|_| ());
    let below = new.claim("eng.example.com");
    assert_eq!(ask(&below, &roster), Ok(()));
    let above = Claim { subdomains: true, ..new.claim("other.example") };
    assert_eq!(ask(&above, &roster), Ok(()));
    let uris = Claim {
        kind: NameKind::Uri,
        iss: IssuerUrl::parse("https://ci.example.com").expect("is one"),
        ..new.claim("example.com")
    };
    assert_eq!(ask(&uris, &roster), Ok(()), "other names");
    let wide =
        Registration { claim: Claim { subdomains: true, ..old.claim("example.com") }, ..active(&old, "example.com") };
    roster.put(wide);
    assert!(ask(&below, &roster).is_err());
    // The other way round: a claim to all below includes what a child holds.
    let mut roster = Roster::default();
    roster.put(active(&old, "eng.example.com"));
    assert!(ask(&Claim { subdomains: true, ..new.claim("example.com") }, &roster).is_err());
    assert_eq!(ask(&new.claim("example.com"), &roster), Ok(()));
}

#[test]
fn requests_have_their_limits() {
    let owner = Registrant::new();
    let mut roster = Roster::default();
    for number in 0..20 {
        let request = owner.request(&owner.claim(&format!("d{number}.example.com")));
        assert_eq!(roster.admit(&request, "o"), Ok(None));
        roster.put(Registration::request(&request, "o", true, at(0)).next);
    }
    let more = owner.request(&owner.claim("more.example.com"));
    assert_eq!(roster.admit(&more, "o"), Err(RosterError::TooManyPending));
    assert_eq!(roster.admit(&more, "p"), Ok(None));
    let first = owner.request(&owner.claim("d0.example.com"));
    assert!(roster.admit(&first, "o").expect("is admitted").is_some(), "the same again is the same");
    let uri = owner.request(&Claim { kind: NameKind::Uri, ..owner.claim("x.example.com") });
    assert!(matches!(roster.admit(&uri, "p"), Err(RosterError::OtherKind { .. })));
}

#[test]
fn records_come_of_what_was_proven_and_of_nothing_else() {
    let owner = Registrant::new();
    let mut roster = Roster::default();
    let plain = active(&owner, "example.com");
    roster.put(plain.clone());
    let second = active(&owner, "example.org");
    roster.put(second.clone());
    let specs = roster.specs(|_| Reach::default());
    let [spec] = &specs[..] else { panic!("one issuer, one record: {specs:?}") };
    assert_eq!(spec.profile, Profile::Human);
    let scopes: Vec<_> = spec.grants.iter().map(|grant| grant.scope().to_string()).collect();
    assert_eq!(scopes.len(), 2);
    for scope in ["email-domain:example.com", "email-domain:example.org"] {
        assert!(scopes.contains(&scope.to_owned()), "{scopes:?}");
    }
    assert!(Issuers::build(specs, Vec::new()).is_ok());
    // Asked for with the domains below, proven without them.
    let asked = Registration { claim: Claim { subdomains: true, ..plain.claim.clone() }, ..plain.clone() };
    roster.put(asked);
    let specs = roster.specs(|_| Reach::default());
    assert!(specs[0].grants.iter().all(|grant| !matches!(grant.scope(), Scope::EmailDomain { subdomains: true, .. })));
    // A registration that is not active asserts nothing.
    for state in
        [RegistrationState::Pending, RegistrationState::Stale, RegistrationState::Frozen, RegistrationState::Tombstoned]
    {
        let mut roster = Roster::default();
        roster.put(Registration { state, ..plain.clone() });
        assert!(roster.specs(|_| Reach::default()).is_empty(), "{state}");
    }
}

#[test]
fn a_trust_domain_is_the_one_of_the_very_name() {
    let owner = Registrant::new();
    let mut roster = Roster::default();
    roster.put(activated(&owner, &Claim { kind: NameKind::Spiffe, ..owner.claim("prod.example.com") }));
    let specs = roster.specs(|_| Reach::default());
    let [spec] = &specs[..] else { panic!("one issuer, one record: {specs:?}") };
    assert_eq!(spec.profile, Profile::Spiffe);
    assert_eq!(spec.grants, [Grant::spiffe("spiffe://prod.example.com").expect("is a grant")]);
    assert!(Issuers::build(specs, Vec::new()).is_ok());
}

#[test]
fn an_image_reads_back_and_fits_the_store() {
    let owner = Registrant::new();
    let proof =
        Proof { subdomains: true, enforce: true, until: Some(at(DAY)), is_signed: true, alias: Some("a".repeat(255)) };
    let start = active(&owner, "example.com");
    let long = Registration {
        claim: Claim {
            iss: IssuerUrl::parse(&format!("https://idp.example.com/{}", "a".repeat(1000))).expect("is one"),
            ..start.claim.clone()
        },
        ..start.clone()
    };
    let long = Registration { id: RegistrationId::of(&long.claim), ..long };
    let checked = long.checked(&ProofFinding::Proved(proof), &Timing::default(), at(20)).expect("is checked").next;
    let quoted = ClosestRecord::Account("\"".repeat(300));
    let denied = checked.checked(&ProofFinding::Absent(Absence::NotListed, Some(quoted)), &Timing::default(), at(30));
    let frozen =
        denied.expect("is checked").next.freeze("admin", true, &"\u{e9}".repeat(400), at(40)).expect("froze").next;
    let released = frozen.release(&"a".repeat(300), true, at(50)).expect("is released").next;
    for registration in [start, checked, frozen, released] {
        let json = registration.to_json();
        assert!(json.len() <= MAX_IMAGE_BYTES, "{} bytes", json.len());
        assert_eq!(Registration::parse(json.as_bytes()).as_ref(), Ok(&registration));
    }
    assert!(Registration::parse(b"{}").is_err());
    assert_eq!(Timing::default().stale_after, Duration::from_secs(72 * HOUR));
}
