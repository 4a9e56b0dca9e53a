//! What a timestamp costs: CPU per operation, without the log's disk and without HTTP.
//!
//! `cargo bench -p tsa --bench timestamp` prints one table. The time is the thread's own CPU time, the best of several
//! rounds, so that a busy machine does not change it much.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};
use shared::log::{Log, Receipt};
use shared::random::{Random, SystemRandom};
use shared::time::UnixTime;
use shared::x509::{CaSetup, Chain, NodePrefix};
use tsa::{
    Accuracy, ClockGuard, ClockReading, Expected, Lease, Look, MarkRecovery, PolicyOid, Prepared, SigningUnit,
    TimestampRequest, TimestampTrust, TokenForm, TrustedNow, UnitConfig, verify_response,
};

const NOW: UnixTime = UnixTime::from_millis(1_795_258_320_250);
const DATA: &[u8] = b"what is to be timestamped";
const QUERY: &[u8] = include_bytes!("../../tests/vectors/tsa/queries/sha256-cert.tsq");
const ROUNDS: usize = 9;

fn main() {
    let benches = [SignatureAlgorithm::EcdsaP256Sha256, SignatureAlgorithm::EcdsaP384Sha384].map(Bench::new);
    println!("CPU per operation in microseconds, best of {ROUNDS} rounds\n");
    println!("{:<58}{:>10}{:>10}", "", "P-256", "P-384");
    let signature = benches.each_ref().map(Bench::signature);
    row("signature alone", signature);
    row("request: parse", benches.each_ref().map(Bench::parse));
    row("clock guard: permit", benches.each_ref().map(Bench::permit));
    let random = measure(2_000, || {
        let _ = black_box((&SystemRandom as &dyn Random).bytes::<16>());
    });
    row("serial number: 16 random bytes (part of prepare)", [random, random]);
    let prepare = benches.each_ref().map(Bench::prepare_all);
    row("prepare: parse, policy, clock, TSTInfo, digests, audit leaf", prepare);
    let sign = benches.each_ref().map(Bench::sign);
    row("sign: receipt, signature, response", sign);
    let whole = [0, 1].map(|i| prepare[i] + sign[i]);
    row("a whole timestamp", whole);
    row("  of it everything but the signature", [0, 1].map(|i| whole[i] - signature[i]));
    println!("{:<58}{:>10.0}{:>10.0}", "timestamps per CPU-second", 1e6 / whole[0], 1e6 / whole[1]);
    row("verify: response, chain, imprint", benches.each_ref().map(Bench::verify));
}

struct Bench {
    key: Arc<SigningKey>,
    unit: Arc<SigningUnit>,
    log: Log,
}

impl Bench {
    fn new(algorithm: SignatureAlgorithm) -> Self {
        let generate = || Arc::new(SigningKey::generate(algorithm).expect("a key"));
        let (root_key, key) = (generate(), generate());
        let setup = CaSetup {
            instance: "h-0123abcd.privyseal.internal",
            root_key: &*root_key,
            now: NOW,
            random: &SystemRandom,
        };
        let root = setup.root().expect("root");
        let leaf = setup.timestamp_unit(&root, "timestamp unit 1", key.public_key()).expect("unit");
        let config = UnitConfig {
            name: "unit-1".to_owned(),
            key: key.clone(),
            chain: Chain::new(vec![leaf, root]).expect("a chain"),
            policies: vec![PolicyOid::parse("0.4.0.2023.1.1").expect("a policy")],
            accuracy: Accuracy::ONE_SECOND,
            node: NodePrefix::FIRST,
            form: TokenForm::default(),
        };
        Self { key, unit: Arc::new(SigningUnit::new(config, NOW).expect("a unit")), log: Log::in_memory() }
    }

    fn lease(&self) -> (Lease, ClockReading) {
        let reading = ClockReading::awake(NOW, Duration::from_secs(1_000));
        let look = Look { reading, kernel: None };
        let guard = ClockGuard::start(self.unit.clock_limits(), Vec::new(), MarkRecovery::new(None), &look);
        (guard.lease(), reading)
    }

    fn now(&self) -> TrustedNow {
        let (lease, reading) = self.lease();
        lease.permit(reading).expect("a steady clock")
    }

    fn signature(&self) -> f64 {
        measure(300, || drop(black_box(self.key.sign(&[7; 300]))))
    }

    fn parse(&self) -> f64 {
        measure(20_000, || {
            let _ = black_box(TimestampRequest::parse(black_box(QUERY)));
        })
    }

    fn permit(&self) -> f64 {
        let (lease, reading) = self.lease();
        measure(20_000, || {
            let _ = black_box(lease.permit(black_box(reading)));
        })
    }

    fn prepare(&self, now: TrustedNow) -> Prepared {
        let request = TimestampRequest::parse(black_box(QUERY)).expect("a request");
        self.unit.prepare(&request, now, &SystemRandom).expect("granted")
    }

    fn prepare_all(&self) -> f64 {
        let now = self.now();
        measure(2_000, || drop(black_box(self.prepare(now))))
    }

    /// The log works in its own thread, so its time is not in this.
    fn sign(&self) -> f64 {
        const TIMES: usize = 300;
        let now = self.now();
        let round = || {
            let prepared: Vec<(Prepared, Receipt)> = (0..TIMES)
                .map(|_| {
                    let prepared = self.prepare(now);
                    let receipt = self.log.append(prepared.leaf()).wait().expect("memory does not fail");
                    (prepared, receipt)
                })
                .collect();
            let start = thread_cpu();
            for (prepared, receipt) in prepared {
                drop(black_box(prepared.sign(&receipt)));
            }
            (thread_cpu() - start).as_secs_f64() * 1e6 / TIMES as f64
        };
        (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
    }

    fn verify(&self) -> f64 {
        let prepared = self.prepare(self.now());
        let receipt = self.log.append(prepared.leaf()).wait().expect("memory does not fail");
        let response = prepared.sign(&receipt).expect("signs");
        let trust = TimestampTrust::unit(self.unit.chain());
        measure(100, || {
            black_box(verify_response(response.der(), &Expected::data(DATA), &trust)).expect("verifies");
        })
    }
}

fn measure(times: usize, mut work: impl FnMut()) -> f64 {
    work();
    let mut round = || {
        let start = thread_cpu();
        for _ in 0..times {
            work();
        }
        (thread_cpu() - start).as_secs_f64() * 1e6 / times as f64
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn row(name: &str, micros: [f64; 2]) {
    println!("{name:<58}{:>10.2}{:>10.2}", micros[0], micros[1]);
}
