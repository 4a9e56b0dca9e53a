//! DW: WIT-SVIDs, and the proofs that come with them.

use shared::digest::{sha256, sha256_hex};

use super::*;
use crate::ca::fixture::{Constant, issuance_p256, key_and_proof};
use crate::names::Rule;
use crate::signing::{Call, KeyWithProof, Outcome, SigningRequest};
use crate::token::mint::base64url;

const TARGET: &str = "https://seal.example.org/api/v2/signingCert";

/// The trust domain's key, the workload's, and a validator that knows the first.
struct Instance {
    authority: TestKey,
    holder: TestKey,
    validator: Validator,
}

const HEADER: &str = r#"{"alg":"ES256","kid":"w","typ":"wit+jwt"}"#;
const PROOF_HEADER: &str = r#"{"alg":"ES256","typ":"wpt+jwt"}"#;

impl Instance {
    fn new() -> Self {
        let authority = TestKey::generate(JoseAlgorithm::Es256);
        let validator = Validator::home(&[wit_entry(&authority, "w")]);
        Self { authority, holder: TestKey::generate(JoseAlgorithm::Es256), validator }
    }

    fn claims(&self) -> String {
        self.claims_with(&self.holder.jwk("h", r#","alg":"ES256""#))
    }

    fn claims_with(&self, jwk: &str) -> String {
        let sub = id("wit");
        format!(r#"{{"sub":"{sub}","iat":{NOW},"exp":{},"jti":"t","cnf":{{"jwk":{jwk}}}}}"#, NOW + 3600)
    }

    fn wit(&self) -> String {
        self.sign(HEADER, &self.claims())
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        self.authority.sign(JoseAlgorithm::Es256, header, claims)
    }

    fn proof(&self, wit: &str) -> String {
        self.prove(PROOF_HEADER, &proof_claims(wit))
    }

    fn prove(&self, header: &str, claims: &str) -> String {
        self.holder.sign(JoseAlgorithm::Es256, header, claims)
    }

    fn verify(&self, wit: &str, proof: &str) -> Decision {
        self.validator.wit(wit, proof, TARGET, NOW_TIME)
    }

    /// A sound pair is accepted; the same with these parts of the WIT-SVID is refused.
    fn refuses_wit(&self, rule: &'static str, header: &str, claims: &str) {
        let sound = self.wit();
        accepted(self.verify(&sound, &self.proof(&sound)), &id("wit"));
        let wit = self.sign(header, claims);
        assert_eq!(self.verify(&wit, &self.proof(&wit)), Err(rule), "{header} {claims}");
    }

    /// A sound pair is accepted; the same with these parts of the proof is refused.
    fn refuses_proof(&self, header: &str, claims: &str) {
        let wit = self.wit();
        accepted(self.verify(&wit, &self.proof(&wit)), &id("wit"));
        assert_eq!(self.verify(&wit, &self.prove(header, claims)), Err("W2"), "{header} {claims}");
    }
}

impl Validator {
    fn verify_wit(&self, wit: &str, proof: &str, target: &str, now: UnixTime) -> Result<VerifiedSvid, SigningError> {
        let wit = UnverifiedWitSvid::parse(wit.as_bytes())?;
        let proof = UnverifiedProofToken::parse(proof.as_bytes()).map_err(WitSvidError::from)?;
        let record = self.0.trust_domains().find(wit.id().trust_domain().as_str());
        let record = record.ok_or_else(|| WitSvidError::TrustDomain(wit.id().trust_domain().to_string()))?;
        match wit.verify(&proof, target, record, now)? {
            WitVerification::Verified(svid) => Ok(svid),
            WitVerification::NeedsBundle(needs) => Err(needs.into()),
        }
    }

    fn wit(&self, wit: &str, proof: &str, target: &str, now: UnixTime) -> Decision {
        self.permitted(self.verify_wit(wit, proof, target, now))
    }
}

fn wit_entry(key: &TestKey, kid: &str) -> String {
    key.jwk(kid, r#","use":"wit-svid""#)
}

fn wth(wit: &str) -> String {
    base64url(&sha256(wit.as_bytes()))
}

fn proof_claims(wit: &str) -> String {
    format!(r#"{{"aud":"{TARGET}","exp":{},"jti":"p-1","wth":"{}"}}"#, NOW + 60, wth(wit))
}

#[test]
fn dw_1_a_token_with_the_proof_of_its_holder_is_accepted() {
    let instance = Instance::new();
    let wit = instance.wit();
    let svid = instance.validator.verify_wit(&wit, &instance.proof(&wit), TARGET, NOW_TIME).expect("is accepted");
    assert_eq!((svid.id().as_str(), svid.document()), (&*id("wit"), SvidKind::Wit));
    assert_eq!(svid.issuer(), format!("spiffe://{HOME}"));
    let used = svid.use_of();
    assert!(!used.is_bearer);
    // Until the moment at which the proof is taken no longer.
    let until = UnixTime::from_seconds(NOW + 90);
    assert_eq!(used.proof, Some(ProofUse { jti: "p-1".into(), expires_at: until }));
    let last = until.minus(std::time::Duration::from_secs(1));
    accepted(instance.validator.wit(&wit, &instance.proof(&wit), TARGET, last), &id("wit"));
    assert_eq!(instance.validator.wit(&wit, &instance.proof(&wit), TARGET, until), Err("W2"));
    assert_eq!(UseError::ProofUsedBefore.rule(), Rule::W3);
}

#[test]
fn dw_2_each_algorithm_of_authority_and_holder_is_accepted() {
    use JoseAlgorithm::*;
    for algorithm in JoseAlgorithm::SPIFFE {
        let kind = if matches!(algorithm, Es256 | Es384 | Es512) { algorithm } else { Rs256 };
        let key = TestKey::generate(kind);
        let validator = Validator::home(&[wit_entry(&key, "w")]);
        let header = |typ: &str| format!(r#"{{"alg":"{algorithm}","kid":"w","typ":"{typ}"}}"#);
        let instance = Instance::new();
        let claims = instance.claims_with(&key.jwk("h", &format!(r#","alg":"{algorithm}""#)));
        let wit = key.sign(algorithm, &header("wit+jwt"), &claims);
        let proof = key.sign(algorithm, &header("wpt+jwt"), &proof_claims(&wit));
        accepted(validator.wit(&wit, &proof, TARGET, NOW_TIME), &id("wit"));
    }
}

#[test]
fn dw_3_the_header_says_what_it_is_and_by_which_key() {
    let instance = Instance::new();
    let claims = instance.claims();
    for (rule, header) in [
        ("W1", r#"{"alg":"ES256","typ":"wit+jwt"}"#),
        ("W1", r#"{"alg":"ES256","kid":"","typ":"wit+jwt"}"#),
        ("T1", r#"{"alg":"ES256","kid":7,"typ":"wit+jwt"}"#),
        ("T1", r#"{"alg":"ES256","kid":"w"}"#),
        ("T1", r#"{"alg":"ES256","kid":"w","typ":"JWT"}"#),
        ("T1", r#"{"alg":"ES256","kid":"w","typ":"WIT+JWT"}"#),
        ("T1", r#"{"alg":"ES256","kid":"w","typ":"application/wit+jwt"}"#),
        ("T1", r#"{"alg":"ES256","kid":"w","typ":"wpt+jwt"}"#),
        ("T1", r#"{"alg":"ES256","kid":"w","typ":"wit+jwt","crit":["x"],"x":1}"#),
        ("T1", r#"{"alg":"none","kid":"w","typ":"wit+jwt"}"#),
        ("T1", r#"{"alg":"HS256","kid":"w","typ":"wit+jwt"}"#),
        ("T1", r#"{"alg":"EdDSA","kid":"w","typ":"wit+jwt"}"#),
        ("W1", r#"{"alg":"RS256","kid":"w","typ":"wit+jwt"}"#),
        ("W1", r#"{"alg":"ES384","kid":"w","typ":"wit+jwt"}"#),
        ("J4", r#"{"alg":"ES256","kid":"unknown","typ":"wit+jwt"}"#),
    ] {
        instance.refuses_wit(rule, header, &claims);
    }
    // WIT-SVID §2.4: what is unknown is ignored.
    let wit = instance.sign(r#"{"alg":"ES256","kid":"w","typ":"wit+jwt","x":1,"jku":"https://evil.example"}"#, &claims);
    accepted(instance.verify(&wit, &instance.proof(&wit)), &id("wit"));
}

#[test]
fn dw_4_the_claims_name_the_workload_its_key_and_no_audience() {
    let instance = Instance::new();
    let sound = instance.claims();
    let cut = |from: &str, to: &str| {
        let changed = sound.replacen(from, to, 1);
        assert_ne!(changed, sound, "{from}");
        changed
    };
    let sub = format!(r#""sub":"{}","#, id("wit"));
    for (rule, claims) in [
        ("T1", cut(&sub, "")),
        ("S1", cut("spiffe://", "https://")),
        ("S2", cut("/wit\"", "\"")),
        ("S3", cut("spiffe://", "spiffe://u@")),
        ("W1", cut(HOME, "other.example.org")),
        ("W1", cut(&sub, &format!(r#"{sub}"aud":"{TARGET}","#))),
        ("W1", cut(&sub, &format!(r#"{sub}"aud":[],"#))),
        ("W1", cut(&sub, &format!(r#"{sub}"aud":null,"#))),
        ("T1", cut(&sub, &format!("{sub}{sub}"))),
        ("T4", cut(&format!(r#","exp":{}"#, NOW + 3600), "")),
        ("T4", cut(&format!(r#""exp":{}"#, NOW + 3600), &format!(r#""exp":{}"#, NOW - 30))),
        ("T4", cut(&format!(r#""exp":{}"#, NOW + 3600), &format!(r#""exp":"{}""#, NOW + 3600))),
        ("T4", cut(&format!(r#""exp":{}"#, NOW + 3600), &format!(r#""exp":{}"#, NOW + 86_431))),
        ("T4", cut(r#""jti""#, &format!(r#""nbf":{},"jti""#, NOW + 31))),
        ("W1", cut("cnf", "cnf2")),
        ("W1", cut(r#""jwk":"#, r#""jku":"https://evil.example","key":"#)),
        ("W1", cut(r#","alg":"ES256""#, "")),
        ("W1", cut(r#""alg":"ES256""#, r#""alg":"none""#)),
        ("W1", cut(r#""alg":"ES256""#, r#""alg":"EdDSA""#)),
        ("W1", cut(r#""alg":"ES256""#, r#""alg":"HS256""#)),
        ("W1", cut(r#""alg":"ES256""#, r#""alg":"ES384""#)),
        ("W1", cut(r#""alg":"ES256""#, r#""alg":"RS256""#)),
        ("W1", cut(r#""alg":"ES256""#, r#""alg":"ES256","use":"enc""#)),
        ("W1", cut(r#""alg":"ES256""#, r#""alg":"ES256","d":"AAAA""#)),
        ("W1", cut("P-256", "P-384")),
        ("W1", cut(r#""cnf":{"#, r#""cnf":[],"other":{"#)),
        ("W1", instance.claims_with(r#"{"kty":"oct","k":"AAAA","alg":"ES256"}"#)),
        ("W1", instance.claims_with(r#"{"kty":"oct","k":"AAAA","alg":"HS256"}"#)),
        ("W1", instance.claims_with("null")),
    ] {
        instance.refuses_wit(rule, HEADER, &claims);
    }
    // WIT-SVID §3.6: iat delays nothing; §3.7, §3.8: an iss and other claims mean nothing.
    for fine in [
        cut(&format!(r#""iat":{NOW}"#), &format!(r#""iat":{}"#, NOW + 600)),
        cut(&format!(r#""iat":{NOW},"#), ""),
        cut(r#""jti""#, r#""iss":"https://idp.example.com","email":"alice@example.com","jti""#),
        cut(r#""jti":"t","#, ""),
        cut(r#""jti""#, &format!(r#""nbf":{},"jti""#, NOW - 10)),
    ] {
        let wit = instance.sign(HEADER, &fine);
        accepted(instance.verify(&wit, &instance.proof(&wit)), &id("wit"));
    }
}

#[test]
fn dw_5_the_key_is_one_for_wit_svids_of_the_very_trust_domain() {
    let instance = Instance::new();
    let wit = instance.wit();
    let proof = instance.proof(&wit);
    accepted(instance.verify(&wit, &proof), &id("wit"));
    let other = TestKey::generate(JoseAlgorithm::Es256);
    let forged = other.sign(JoseAlgorithm::Es256, HEADER, &instance.claims());
    assert_eq!(instance.verify(&forged, &instance.proof(&forged)), Err("W1"));
    // The same key, published for JWT-SVIDs.
    instance.validator.publish(HOME, &[instance.authority.jwk("w", r#","use":"jwt-svid""#)]);
    assert_eq!(instance.verify(&wit, &proof), Err("W1"));
    instance.validator.publish(HOME, &[]);
    assert_eq!(instance.verify(&wit, &proof), Err("W1"));
    instance.validator.forget(HOME);
    assert_eq!(instance.verify(&wit, &proof), Err("no bundle"));
    instance.validator.publish(HOME, &[wit_entry(&instance.authority, "w")]);
    accepted(instance.verify(&wit, &proof), &id("wit"));
    // Two trust domains, each with its own key of that name.
    let validator =
        Validator::of(&[(HOME, &[wit_entry(&other, "w")]), (FEDERATED, &[wit_entry(&instance.authority, "w")])]);
    assert_eq!(validator.wit(&wit, &proof, TARGET, NOW_TIME), Err("W1"));
}

#[test]
fn dw_6_a_trust_domain_shows_wit_svids_only_where_its_record_says_so() {
    let instance = Instance::new();
    let wit = instance.wit();
    accepted(instance.verify(&wit, &instance.proof(&wit)), &id("wit"));
    let validator = Validator::new(vec![TrustDomainSpec { accepts: Accepts::default(), ..spec(HOME) }]);
    validator.publish(HOME, &[wit_entry(&instance.authority, "w")]);
    assert_eq!(validator.wit(&wit, &instance.proof(&wit), TARGET, NOW_TIME), Err("W1"));
    let algorithms = vec![JoseAlgorithm::Es384];
    let validator = Validator::new(vec![TrustDomainSpec { algorithms, ..spec(HOME) }]);
    validator.publish(HOME, &[wit_entry(&instance.authority, "w")]);
    assert_eq!(validator.wit(&wit, &instance.proof(&wit), TARGET, NOW_TIME), Err("T1"));
}

#[test]
fn dw_7_the_proof_is_by_the_holder_for_us_fresh_and_for_this_very_token() {
    let instance = Instance::new();
    let wit = instance.wit();
    let sound = proof_claims(&wit);
    let exp = |seconds: u64| format!(r#""exp":{seconds}"#);
    let with = |from: &str, to: &str| {
        let changed = sound.replacen(from, to, 1);
        assert_ne!(changed, sound, "{from}");
        changed
    };
    for header in [
        r#"{"alg":"ES256"}"#,
        r#"{"alg":"ES256","typ":"JWT"}"#,
        r#"{"alg":"ES256","typ":"wit+jwt"}"#,
        r#"{"alg":"ES256","typ":"dpop+jwt"}"#,
        r#"{"alg":"ES384","typ":"wpt+jwt"}"#,
        r#"{"alg":"none","typ":"wpt+jwt"}"#,
        r#"{"alg":"HS256","typ":"wpt+jwt"}"#,
        r#"{"alg":"ES256","typ":"wpt+jwt","crit":["x"],"x":1}"#,
    ] {
        instance.refuses_proof(header, &sound);
    }
    let aud = format!(r#""aud":"{TARGET}","#);
    for claims in [
        with(&aud, ""),
        with(TARGET, "https://other.example.org/api/v2/signingCert"),
        with(TARGET, &format!("{TARGET}/")),
        with(TARGET, &format!("{TARGET}?x=1")),
        with(TARGET, "https://SEAL.example.org/api/v2/signingCert"),
        with(&aud, &format!(r#""aud":["{TARGET}","https://other.example.org"],"#)),
        with(&aud, r#""aud":[],"#),
        with(&exp(NOW + 60), r#""x":1"#),
        with(&exp(NOW + 60), &exp(NOW - 30)),
        with(&exp(NOW + 60), &exp(NOW + 331)),
        with(&exp(NOW + 60), &exp(u64::MAX)),
        with(&exp(NOW + 60), &format!(r#"{},"nbf":{}"#, exp(NOW + 60), NOW + 31)),
        with(&exp(NOW + 60), &format!(r#"{},"iat":{}"#, exp(NOW + 60), NOW + 31)),
        with(r#""jti":"p-1","#, ""),
        with(r#""p-1""#, r#""""#),
        with(r#""p-1""#, "7"),
        with("p-1", &"p".repeat(257)),
        with("wth", "ath"),
        with(&wth(&wit), &wth("another")),
        with(&wth(&wit), &format!("{}=", wth(&wit))),
        with(&wth(&wit), &sha256_hex(wit.as_bytes())),
        with(r#""wth""#, r#""oth":{"authorization":"x"},"wth""#),
        with(r#""wth""#, r#""oth":"x","wth""#),
        with(r#""wth""#, r#""jti":"p-2","wth""#),
        "[]".to_owned(),
    ] {
        instance.refuses_proof(PROOF_HEADER, &claims);
    }
    for fine in [
        with(&aud, &format!(r#""aud":["{TARGET}"],"#)),
        with(&exp(NOW + 60), &exp(NOW + 300)),
        with(&exp(NOW + 60), &exp(NOW + 330)),
        with(&exp(NOW + 60), &format!(r#"{},"nbf":{NOW},"iat":{NOW}"#, exp(NOW + 60))),
        with(r#""wth""#, r#""oth":{},"tth":"x","sub":"anybody","wth""#),
    ] {
        accepted(instance.verify(&wit, &instance.prove(PROOF_HEADER, &fine)), &id("wit"));
    }
    // By whom it is not: the authority itself, and another holder.
    for key in [&instance.authority, TestKey::p256()] {
        accepted(instance.verify(&wit, &instance.proof(&wit)), &id("wit"));
        assert_eq!(instance.verify(&wit, &key.sign(JoseAlgorithm::Es256, PROOF_HEADER, &sound)), Err("W2"));
    }
    // A second token for the same key does not go with the first one's proof.
    let second = instance.wit();
    assert_ne!(second, wit);
    assert_eq!(instance.verify(&second, &instance.proof(&wit)), Err("W2"));
    accepted(instance.verify(&second, &instance.proof(&second)), &id("wit"));
    // The token is no proof of itself.
    assert_eq!(instance.verify(&wit, &wit), Err("W2"));
}

#[test]
fn dw_8_no_bit_of_token_or_proof_can_be_changed() {
    let instance = Instance::new();
    let wit = instance.wit();
    let proof = instance.proof(&wit);
    accepted(instance.verify(&wit, &proof), &id("wit"));
    let changes = |text: &str| {
        let text = text.as_bytes().to_vec();
        (0..text.len() * 8).filter_map(move |bit| {
            let mut changed = text.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            String::from_utf8(changed).ok()
        })
    };
    for changed in changes(&wit) {
        assert!(instance.verify(&changed, &proof).is_err(), "{changed}");
    }
    for changed in changes(&proof) {
        assert_eq!(instance.verify(&wit, &changed), Err("W2"), "{changed}");
    }
}

#[test]
fn dw_9_a_wit_svid_is_no_bearer_token_and_a_jwt_svid_no_wit_svid() {
    let instance = Instance::new();
    let wit = instance.wit();
    accepted(instance.verify(&wit, &instance.proof(&wit)), &id("wit"));
    assert_eq!(instance.validator.jwt(&wit), Err("T1"));
    assert_eq!(instance.validator.jwt(&instance.proof(&wit)), Err("T1"));
    // Even with an audience, and the same key for both.
    instance.validator.publish(HOME, &[instance.authority.jwk("w", r#","use":"jwt-svid""#)]);
    let claims = super::jwt::claims(&id("wit"));
    accepted(instance.validator.jwt(&instance.sign(r#"{"alg":"ES256","kid":"w"}"#, &claims)), &id("wit"));
    assert_eq!(instance.validator.jwt(&instance.sign(HEADER, &claims)), Err("T1"));
    let bearer = instance.sign(r#"{"alg":"ES256","kid":"w","typ":"JWT"}"#, &instance.claims());
    assert_eq!(instance.verify(&bearer, &instance.proof(&bearer)), Err("T1"));
}

/// WIT-SVID, appendix A.
const EXAMPLE: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImxRU2kzaFpGbmRhMkQtWEprajF6bDdmb0pvdWl3STRuckF5aHk0alppSmciLCJ0eXAiOiJ3aXQrand0In0.eyJjbmYiOnsiandrIjp7ImFsZyI6IkVTMjU2IiwiY3J2IjoiUC0yNTYiLCJrdHkiOiJFQyIsIngiOiJyelA3bUxDS0FIV21zTTZYMEV3VklTQ19oSTN1amN1OTVmZlVreWVER0dvIiwieSI6InVPcmZEbGp0WDltM2pZLWhzeWhMSllheHRHa3pEdjVlNWttQ2U1OFo5N2cifX0sImV4cCI6MTc2NTQ1NjUwMywiaWF0IjoxNzY1NDUyOTAzLCJqdGkiOiIxeWoxOVY0TWNPQXpNY0ZpN3F2c2dfQWdDeGxyWTVFX3g1MDl3bEtLUXRjIiwic3ViIjoic3BpZmZlOi8vZXhhbXBsZS5jb20vbXktd29ya2xvYWQifQ.sfhEvZNdY_kWrICF08lX0u__rn39YnTavnW-VPBS20zgowDh6-X43v5eOUKZbjZf06yLBQM-Mry5w1g1QFsCkg";

#[test]
fn dw_10_the_example_of_the_standard_reads() {
    let wit = UnverifiedWitSvid::parse(EXAMPLE.as_bytes()).expect("reads");
    assert_eq!(wit.id().as_str(), "spiffe://example.com/my-workload");
}

#[test]
fn dw_11_who_shows_it_gets_a_certificate_for_a_key_of_his_choice() {
    let instance = Instance::new();
    let call = Call { id: "r-1", now: crate::ca::fixture::NOW, random: &Constant(0x42) };
    let shift = call.now.seconds() - NOW;
    let moved = |claims: String| {
        claims
            .replace(&format!("{}", NOW + 3600), &format!("{}", NOW + 3600 + shift))
            .replace(&format!("{}", NOW + 60), &format!("{}", NOW + 60 + shift))
    };
    let wit = instance.sign(
        HEADER,
        &moved(instance.claims()).replace(&format!(r#""iat":{NOW}"#), &format!(r#""iat":{}"#, NOW + shift)),
    );
    let proof = instance.prove(PROOF_HEADER, &moved(proof_claims(&wit)));
    let request = |wit: &str, proof: &str, target: &str| {
        let (content, proof_of_key) = key_and_proof(&id("wit"));
        let key = Some(KeyWithProof { content, proof: proof_of_key });
        SigningRequest::with_proof(wit.as_bytes(), proof.as_bytes(), target, key, None)
            .and_then(|request| issuance_p256().prepare(request, &instance.validator.0, &call))
    };
    let record = instance.validator.0.trust_domains().find(HOME).expect("is registered");
    record.replace(record.held().seen_again(call.now));
    let Ok(Outcome::Prepared(prepared)) = request(&wit, &proof, TARGET) else { panic!("is prepared") };
    let intent = String::from_utf8(prepared.intent().to_vec()).expect("JSON");
    assert!(intent.contains(r#""credential":"wit-svid""#) && intent.contains(&id("wit")), "{intent}");
    let used = prepared.svid_use().expect("is counted");
    assert_eq!(used.proof.as_ref().map(|proof| proof.jti.as_str()), Some("p-1"));
    for (wit, proof, target, rule) in
        [(&wit, &proof, "https://other.example.org/", "W2"), (&wit, &wit, TARGET, "W2"), (&proof, &proof, TARGET, "T1")]
    {
        match request(wit, proof, target) {
            Err(SigningError::Caller(fault)) => assert_eq!(fault.rule(), rule),
            _ => panic!("is not refused by {rule}"),
        }
    }
    // Without its key in the bundle, the bundle is asked for, and the request can be asked again.
    instance
        .validator
        .put(HOME, Bundle::parse(document(&[wit_entry(TestKey::p256(), "x")]).as_bytes()).expect("a bundle"));
    record.replace(record.held().seen_again(call.now));
    let Ok(Outcome::NeedsBundle { needs, request }) = request(&wit, &proof, TARGET) else { panic!("needs a bundle") };
    assert_eq!(needs.record.name().as_str(), HOME);
    instance.validator.publish(HOME, &[wit_entry(&instance.authority, "w")]);
    record.replace(record.held().seen_again(call.now));
    assert!(matches!(issuance_p256().prepare(*request, &instance.validator.0, &call), Ok(Outcome::Prepared(_))));
}
