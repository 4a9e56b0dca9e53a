//! A served instance that trusts one issuer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::requests::Issuer;

pub(crate) struct Instance {
    _dir: TempDir,
    child: Child,
    authority: String,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Instance {
    pub(crate) fn start(issuer: &Issuer) -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("build.jwks.json"), issuer.jwks()).unwrap();
        let config = r#"
            [log]
            serve_audit = true
            [[issuers]]
            id = "build"
            iss = "https://build.example.net"
            profile = "uri"
            jwks_file = "build.jwks.json"
            grants = [{ uri = "https://build.example.net/pipelines" }]
        "#;
        std::fs::write(dir.path().join("seal.toml"), config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_privyseal"))
            .args(["up", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir.path().join("data"))
            .arg("--config")
            .arg(dir.path().join("seal.toml"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let origin = lines.next().unwrap().unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let authority = origin.strip_prefix("http://").unwrap().to_owned();
        Self { _dir: dir, child, authority }
    }

    /// Sends bytes on a new connection. A failed write does not matter, because the response may come first.
    pub(crate) fn send(&self, raw: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(&self.authority).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let _ = stream.write_all(raw);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let body = text.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned());
        Reply { status, body }
    }

    /// What changes when a request leaves a record: the checkpoints of the logs, and the kinds of the audit log's
    /// records, except for records about the clock, which come at any time.
    pub(crate) fn kept(&self) -> Vec<String> {
        let mut kept = ["/api/v2/checkpoint", "/ct/checkpoint"].map(|path| self.get(path)).to_vec();
        let checkpoint = self.get("/audit/checkpoint");
        let size = checkpoint.lines().nth(1).unwrap();
        let records = self.get(&format!("/audit/tile/entries/000.p/{size}"));
        let kinds = records.split("{\"type\":\"").skip(1).map(|record| record.split('"').next().unwrap().to_owned());
        kept.extend(kinds.filter(|kind| kind != "clock"));
        assert!(kept.len() > 2, "{records}");
        kept
    }

    fn get(&self, path: &str) -> String {
        let reply = self.send(format!("GET {path} HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n").as_bytes());
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
