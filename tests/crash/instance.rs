//! The built binary, with a data directory of its own.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shared::random::{Random, SystemRandom};
use tempfile::TempDir;

/// Longest wait for the first line of a start, on a machine that has much else to do.
const START: Duration = Duration::from_secs(60);

pub(crate) const EMAIL: &str = "alice@instance.example";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct Instance {
    dir: TempDir,
    port: u16,
}

/// A process that serves the instance; killed when dropped.
pub(crate) struct Run {
    child: Child,
}

impl Instance {
    /// Sets up an instance, with a configuration that serves the audit log too.
    pub(crate) fn init() -> Self {
        Self::init_in(|_| ())
    }

    /// The same, after `prepare` has run with the path of its data directory.
    pub(crate) fn init_in(prepare: impl FnOnce(&Path)) -> Self {
        let instance = Self { dir: TempDir::new().unwrap(), port: free_port() };
        prepare(&instance.path("data"));
        std::fs::write(instance.path("password"), PASSWORD).unwrap();
        std::fs::write(instance.path("config.toml"), "[log]\nserve_audit = true\n[provider]\ntoken_seconds = 3600\n")
            .unwrap();
        let (data, password) = (instance.path("data"), instance.path("password"));
        let done = privyseal()
            .args(["init", "--user", EMAIL, "--data"])
            .arg(data)
            .arg("--password-file")
            .arg(password)
            .output()
            .unwrap();
        assert!(done.status.success(), "init: {}", String::from_utf8_lossy(&done.stderr));
        instance
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts serving; it is ready when this returns.
    pub(crate) fn start(&self) -> Run {
        self.start_as(privyseal())
    }

    /// The same where no file can grow beyond so many KiB: a write that would do so fails, as on a full disk.
    pub(crate) fn start_with_little_disk(&self, kibibytes: u32) -> Run {
        let mut command = Command::new("bash");
        // The signal that comes with the limit would end the process; ignored, the write fails.
        command.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "bash", &kibibytes.to_string()]);
        command.arg(env!("CARGO_BIN_EXE_privyseal"));
        self.start_as(command)
    }

    /// A start that must fail before it serves. Returns what it printed.
    pub(crate) fn start_in_vain(&self) -> String {
        let (mut child, first) = self.begin(privyseal());
        assert_eq!(first, "", "it serves");
        assert!(!child.wait().unwrap().success());
        std::fs::read_to_string(self.path("stderr")).unwrap()
    }

    fn start_as(&self, command: Command) -> Run {
        let begin = Instant::now();
        let (child, first) = self.begin(command);
        let output = std::fs::read_to_string(self.path("stderr")).unwrap_or_default();
        assert_eq!(first, self.origin(), "the first line of a start; on standard error: {output}");
        assert!(begin.elapsed() < START, "a start took {:?}", begin.elapsed());
        assert!(!output.contains("could not be read"), "something was set aside: {output}");
        Run { child }
    }

    /// Starts it and waits for its first line, which is empty when it ended before.
    fn begin(&self, mut command: Command) -> (Child, String) {
        let log = std::fs::File::create(self.path("stderr")).unwrap();
        let mut child = command
            .args(["up", "--listen", &format!("127.0.0.1:{}", self.port), "--data"])
            .arg(self.path("data"))
            .arg("--config")
            .arg(self.path("config.toml"))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        // The rest of what it says is read, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        (child, first)
    }

    /// `privyseal audit verify`, with nobody serving.
    pub(crate) fn verify_offline(&self) {
        let done = privyseal().args(["audit", "verify", "--data"]).arg(self.path("data")).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{out}\n{err}");
    }

    /// An HTTP client that follows no redirect and keeps no cookie.
    pub(crate) fn client(&self) -> reqwest::Client {
        // Only plain HTTP is spoken, but a provider for TLS is asked for all the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .tls_certs_only([])
            .build()
            .unwrap()
    }
}

impl Run {
    /// SIGKILL. It must still have been alive.
    pub(crate) fn kill(mut self, which: usize) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "life {which} ended by itself: {ended:?}");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn privyseal() -> Command {
    Command::new(env!("CARGO_BIN_EXE_privyseal"))
}

/// Every life has the same origin, as tokens name it. Not from the range of outgoing ports: a client that tries again
/// while nobody listens could otherwise be connected to itself.
fn free_port() -> u16 {
    let random: &dyn Random = &SystemRandom;
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| 20_000 + u16::from_le_bytes(random.bytes()) % 10_000).find(is_free).unwrap()
}
