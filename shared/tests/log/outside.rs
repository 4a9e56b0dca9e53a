//! Another project's program on our files: `fsck` of transparency-dev/tessera (v1.0.4), which checks any C2SP tile log.
//!
//! `go install github.com/transparency-dev/tessera/cmd/fsck@v1.0.4`, and its path in `TESSERA_FSCK`, since the name is
//! taken.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use shared::keys::{SignatureAlgorithm, Signer, SigningKey};
use shared::log::{Log, Origin, note};
use tempfile::TempDir;

/// Three levels of tiles, all with partial ones.
const LEAVES: usize = 66_000;

/// Whether it accepts the log. When it does not, it does not always end, and its status says nothing: its output does.
fn accepts(program: &OsStr, log: &Path, key: &Path) -> bool {
    let mut fsck = Command::new(program)
        .arg(format!("--storage_url=file://{}/", log.display()))
        .arg(format!("--public_key={}", key.display()))
        .args(["--ui=false", "-v=1"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let said = BufReader::new(fsck.stderr.take().expect("its words")).lines().map_while(Result::ok);
    let verdicts = said.filter_map(|line| {
        let refuses = line.contains("Invalid") || line.contains("failed");
        if refuses { Some(false) } else { line.contains("Successfully fsck'd").then_some(true) }
    });
    let verdict = { verdicts }.next().unwrap_or(false);
    let _ = fsck.kill();
    fsck.wait().expect("its end");
    verdict
}

#[test]
fn tesseras_fsck_accepts_our_files_and_sees_damage() {
    let Some(program) = std::env::var_os("TESSERA_FSCK") else {
        return crate::say("log: tessera's fsck not run: TESSERA_FSCK does not say where it is");
    };
    let dir = TempDir::new().expect("a directory");
    let (path, key_file) = (dir.path().join("log"), dir.path().join("key"));
    let key = Arc::new(SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key"));
    let line = note::verifier_key("log.example", key.public_key()).expect("an ECDSA key");
    std::fs::write(&key_file, line).expect("writes");
    let (log, _) = Log::open(&path, Origin::parse("log.example").expect("a name"), key).expect("opens");
    for chunk in (0..LEAVES).collect::<Vec<_>>().chunks(4000) {
        let pending: Vec<_> = chunk.iter().map(|n| log.append(format!("leaf {n}"))).collect();
        for pending in pending {
            pending.wait().expect("durable");
        }
    }
    log.close();
    assert!(accepts(&program, &path, &key_file));
    for name in
        ["tile/0/100", "tile/1/000", "tile/entries/200", "tile/entries/257.p/208", "tile/2/000.p/1", "checkpoint"]
    {
        let file = path.join(name);
        let good = std::fs::read(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut bad = good.clone();
        bad[20] ^= 1;
        std::fs::write(&file, bad).expect("writes");
        assert!(!accepts(&program, &path, &key_file), "{name}");
        std::fs::write(&file, good).expect("writes");
    }
    crate::say(&format!("log: tessera's fsck accepts {LEAVES} leaves, and sees each of 6 changed bytes"));
}
