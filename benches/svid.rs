//! What it costs to know a workload: a JWT-SVID and X.509-SVIDs of one to three certificates, from their bytes to the
//! verdict, by the bundle of their trust domain. Beside them the `spiffe` crate, on the same token; of X.509-SVIDs it
//! verifies no path.
//!
//! `cargo bench -p privyseal-benches --bench svid`; `tests/load/svids` sets go-spiffe beside it.
//!
//! The figures are CPU time of the one thread, so other users of the machine do not affect them. With
//! `PRIVYSEAL_SVIDS=DIR`, what is verified is written there first, for another program to verify.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use broker::names::{PublicSuffixes, TrustDomain};
use broker::registry::{Issuers, RecordSource, Registry};
use broker::svid::{JwtSvidVerification, Purpose, UnverifiedX509Svid, VerifiedSvid, X509Verification};
use broker::token::UnverifiedToken;
use broker::trust_domain::{Bundle, BundleSource, CurrentBundle, TrustDomainSpec};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use rustix::time::{ClockId, clock_gettime};
use rustls_pki_types::CertificateDer;
use shared::time::UnixTime;

const TRUST_DOMAIN: &str = "example.org";
const ID: &str = "spiffe://example.org/ci/release/builder";
const AUDIENCE: &str = "sigstore";

/// Time of this thread on a processor.
struct CpuTime(WallTime);

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
    }

    fn end(&self, start: Duration) -> Duration {
        self.start() - start
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.0.formatter()
    }
}

/// What a trust domain made, all on P-256.
struct Made {
    bundle: String,
    /// The half of it that the `spiffe` crate reads.
    jwt_keys: String,
    token: String,
    /// Each leaf first: with no intermediate, with one, with two.
    chains: Vec<Vec<CertificateDer<'static>>>,
}

fn make(now: u64) -> Made {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let kid = "pxvWpLFWBcBAOhCZcDBLQS2Rl2t0mFHi";
    let jwt_key = format!(r#"{{"use":"jwt-svid","kty":"EC","kid":"{kid}","crv":"P-256","x":"{x}","y":"{y}"}}"#);
    let claims = format!(r#"{{"aud":["{AUDIENCE}"],"exp":{},"iat":{now},"sub":"{ID}"}}"#, now + 3600);
    let header = format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"JWT"}}"#);
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(&SystemRandom::new(), input.as_bytes()).expect("signs");
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));

    let mut authorities = vec![(authority("root", now), KeyPair::generate().expect("a key"))];
    let (params, key) = &authorities[0];
    let root = params.self_signed(key).expect("a certificate").der().clone();
    let mut chains = Vec::new();
    let mut intermediates = Vec::new();
    for at in 0..3 {
        if at > 0 {
            let (above, above_key) = &authorities[at - 1];
            let (params, key) = (authority(&format!("intermediate {at}"), now), KeyPair::generate().expect("a key"));
            let issuer = Issuer::from_params(above, above_key);
            intermediates.insert(0, params.signed_by(&key, &issuer).expect("a certificate").der().clone());
            authorities.push((params, key));
        }
        let (params, key) = &authorities[at];
        let leaf_key = KeyPair::generate().expect("a key");
        let leaf = leaf(now).signed_by(&leaf_key, &Issuer::from_params(params, key)).expect("a certificate");
        chains.push(std::iter::once(leaf.der().clone()).chain(intermediates.iter().cloned()).collect());
    }
    let root = format!(r#"{{"use":"x509-svid",{},"x5c":["{}"]}}"#, root_key(&authorities[0].1), STANDARD.encode(root));
    Made {
        bundle: format!(r#"{{"keys":[{root},{jwt_key}],"spiffe_sequence":1,"spiffe_refresh_hint":300}}"#),
        jwt_keys: format!(r#"{{"keys":[{jwt_key}]}}"#),
        token,
        chains,
    }
}

/// go-spiffe wants the key beside its certificate.
fn root_key(key: &KeyPair) -> String {
    let (x, y) = key.public_key_raw()[1..].split_at(32);
    format!(r#""kty":"EC","crv":"P-256","x":"{}","y":"{}""#, URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
}

fn params(name: &str, from: u64, to: u64) -> CertificateParams {
    let at = |seconds| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (at(from), at(to));
    params.use_authority_key_identifier_extension = true;
    params
}

fn authority(name: &str, now: u64) -> CertificateParams {
    let mut params = params(name, now - 60, now + 86_400);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.subject_alt_names = vec![uri(&format!("spiffe://{TRUST_DOMAIN}"))];
    params
}

fn leaf(now: u64) -> CertificateParams {
    let mut params = params("workload", now - 10, now + 3600);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages =
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::KeyAgreement];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![uri(ID)];
    params
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("ASCII"))
}

fn instance(bundle: &str, now: UnixTime) -> Issuers {
    let name = TrustDomain::parse(TRUST_DOMAIN).expect("a trust domain");
    let spec = TrustDomainSpec::new(name, BundleSource::WorkloadApi);
    let registry = Registry { trust_domains: vec![spec], ..Registry::default() };
    let issuers = Issuers::build_with(&PublicSuffixes::embedded(), registry).expect("an instance");
    let bundle = Bundle::parse(bundle.as_bytes()).expect("a bundle");
    issuers.trust_domains().find(TRUST_DOMAIN).expect("is there").replace(CurrentBundle::new(Arc::new(bundle), now));
    issuers
}

fn verify_jwt(issuers: &Issuers, token: &str, now: UnixTime) -> VerifiedSvid {
    let token = UnverifiedToken::parse(token.as_bytes()).expect("parses");
    let Ok(RecordSource::TrustDomain(record)) = issuers.source(&token) else { unreachable!("it has no iss") };
    match token.verify_svid(record, &[AUDIENCE], now).expect("is accepted") {
        JwtSvidVerification::Verified(svid) => svid,
        JwtSvidVerification::NeedsBundle { .. } => unreachable!("the bundle is there"),
    }
}

fn verify_x509(issuers: &Issuers, chain: &[CertificateDer<'_>], now: UnixTime) -> VerifiedSvid {
    let svid = UnverifiedX509Svid::parse(chain, Purpose::ClientAuthentication).expect("parses");
    let record = issuers.trust_domains().find(svid.id().trust_domain().as_str()).expect("is registered");
    match svid.verify(record, Purpose::ClientAuthentication, now).expect("is accepted") {
        X509Verification::Verified(svid) => svid,
        X509Verification::NeedsBundle(_) => unreachable!("the bundle is there"),
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark beside programs that read the clock themselves")]
fn present() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs()
}

#[expect(clippy::disallowed_methods, reason = "hands what is verified to another program")]
fn hand_out(made: &Made) {
    let Ok(folder) = std::env::var("PRIVYSEAL_SVIDS") else { return };
    let write = |name: &str, bytes: &[u8]| std::fs::write(format!("{folder}/{name}"), bytes).expect("writes");
    write("bundle.json", made.bundle.as_bytes());
    write("jwt-es256", made.token.as_bytes());
    for (at, chain) in made.chains.iter().enumerate() {
        write(
            &format!("x509-p256-{}", at + 1),
            &chain.iter().flat_map(|certificate| certificate.to_vec()).collect::<Vec<u8>>(),
        );
    }
}

fn svids(criterion: &mut Criterion<CpuTime>) {
    let seconds = present();
    let (made, now) = (make(seconds), UnixTime::from_seconds(seconds));
    hand_out(&made);
    let issuers = instance(&made.bundle, now);
    let mut group = criterion.benchmark_group("svid");
    group.bench_function(BenchmarkId::new("jwt-es256", "privyseal"), |bench| {
        bench.iter(|| verify_jwt(&issuers, black_box(&made.token), now))
    });
    let name = spiffe::TrustDomain::try_from(TRUST_DOMAIN).expect("a trust domain");
    let mut bundles = spiffe::JwtBundleSet::new();
    bundles.add_bundle(spiffe::JwtBundle::from_jwt_authorities(name, made.jwt_keys.as_bytes()).expect("a bundle"));
    group.bench_function(BenchmarkId::new("jwt-es256", "rust-spiffe"), |bench| {
        bench.iter(|| {
            spiffe::JwtSvid::parse_and_validate(black_box(&made.token), &bundles, &[AUDIENCE]).expect("is accepted")
        })
    });
    for (at, chain) in made.chains.iter().enumerate() {
        group.bench_function(BenchmarkId::new(format!("x509-p256-{}", at + 1), "privyseal"), |bench| {
            bench.iter(|| verify_x509(&issuers, black_box(chain), now))
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime(WallTime)).sample_size(30).measurement_time(Duration::from_secs(3));
    targets = svids
}
criterion_main!(benches);
