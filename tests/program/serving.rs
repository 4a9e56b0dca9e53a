//! A served instance in a scratch directory.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) fn privyseal() -> Command {
    Command::new(env!("CARGO_BIN_EXE_privyseal"))
}

pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn with_instance() -> Self {
        let scratch = Self::new();
        std::fs::write(scratch.path("password"), PASSWORD).unwrap();
        let (data, password) = (scratch.path("data"), scratch.path("password"));
        let made = privyseal()
            .args(["init", "--data", &data, "--user", "alice@example.com", "--password-file", &password])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        scratch
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Serves the instance on a port that the system picks.
    pub(crate) fn up(&self, more: &[&str]) -> Serving {
        let mut serving = self.up_at("127.0.0.1:0", more, Stdio::inherit());
        serving.address = serving.origin.split("//").nth(1).unwrap().to_owned();
        serving
    }

    /// The same at this address, with its standard error to `errors`. The origin may be another one.
    pub(crate) fn up_at(&self, address: &str, more: &[&str], errors: Stdio) -> Serving {
        let mut child = privyseal()
            .args(["up", "--data", &self.path("data"), "--listen", address])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        Serving { child, lines, origin: first.trim_end().to_owned(), address: address.to_owned() }
    }
}

pub(crate) struct Serving {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub(crate) origin: String,
    address: String,
}

impl Serving {
    pub(crate) fn authority(&self) -> &str {
        &self.address
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The body of a plain HTTP answer.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.authority()).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.authority()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(
            answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        let body = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        answer.split_off(body)
    }

    /// SIGTERM; the exit code, and what it said on standard output after the first line.
    pub(crate) fn terminate(mut self) -> (Option<i32>, String) {
        let kill = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status().unwrap();
        assert!(kill.success());
        let mut output = String::new();
        self.lines.read_to_string(&mut output).unwrap();
        (self.child.wait().unwrap().code(), output)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
