//! TLS: both protocols by ALPN on one port, and a certificate that changes under way.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use crate::serving::{Scratch, Serving};

fn vector(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/tls").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn install(scratch: &Scratch, which: &str) {
    std::fs::write(scratch.path("tls.key"), vector(&format!("{which}.key"))).unwrap();
    std::fs::write(scratch.path("tls.crt"), vector(&format!("{which}.crt"))).unwrap();
}

/// A handshake that trusts only `which`, and the protocol that was agreed on.
fn connect(
    serving: &Serving,
    which: &str,
    protocols: &[&str],
) -> Result<(TcpStream, ClientConnection), std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(vector(&format!("{which}.crt")).as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(serving.authority())?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok((stream, connection))
}

fn get(stream: &mut TcpStream, connection: &mut ClientConnection) -> String {
    let mut tls = Stream::new(connection, stream);
    tls.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n").unwrap();
    let mut answer = [0; 4096];
    let length = tls.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[test]
fn both_protocols_on_one_port_and_a_new_certificate_without_a_dropped_connection() {
    let scratch = Scratch::with_instance();
    install(&scratch, "first");
    std::fs::write(scratch.path("seal.toml"), "[listen]\ntls = { certificate = \"tls.crt\", key = \"tls.key\" }\n")
        .unwrap();
    let serving = scratch.up(&["--config", &scratch.path("seal.toml")]);
    assert!(serving.origin.starts_with("https://"), "{}", serving.origin);

    let (_, h2) = connect(&serving, "first", &["h2", "http/1.1"]).unwrap();
    assert_eq!(h2.alpn_protocol(), Some(&b"h2"[..]));
    let (mut stream, mut connection) = connect(&serving, "first", &["http/1.1"]).unwrap();
    assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(get(&mut stream, &mut connection).starts_with("HTTP/1.1 200"));

    // A key that does not fit its certificate is not served: the old pair stays.
    std::fs::write(scratch.path("tls.key"), vector("second.key")).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    connect(&serving, "first", &[]).unwrap();

    install(&scratch, "second");
    let is_new = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        connect(&serving, "second", &[]).is_ok()
    });
    assert!(is_new, "the new certificate is not served");
    assert!(connect(&serving, "first", &[]).is_err());
    assert!(get(&mut stream, &mut connection).starts_with("HTTP/1.1 200"), "the old connection was dropped");
    assert_eq!(serving.terminate().0, Some(0));
}
