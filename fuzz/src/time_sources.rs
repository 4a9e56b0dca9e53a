//! What time servers send: packets, the fields behind them, and the records that give keys.

use privyseal_nts::association::{Association, IDENTIFIER, KEY};
use privyseal_nts::extension_field::{self, ExtensionField};
use privyseal_nts::ntp_packet::{MAX_PACKET, Packet};
use privyseal_nts::nts_record::{Agreement, MAX_ANSWER, MAX_COOKIE, MAX_COOKIES, end_of};
use zeroize::Zeroizing;

/// A packet that is taken has fields that tile it, in order, up to the first that is none; what was not made
/// with our keys is not authenticated.
pub fn packet(bytes: &[u8]) {
    // The answer to a question is recognised by what the question carried: here always what the packet carries.
    let cookie = bytes.get(24..32).and_then(|cookie| cookie.try_into().ok()).unwrap_or_default();
    let Ok(packet) = Packet::parse(bytes, cookie) else { return };
    assert!(bytes.len() <= MAX_PACKET);
    let mut expected = 48;
    for field in packet.fields() {
        let Ok((at, field)) = field else { break };
        assert_eq!(at, expected);
        assert_eq!(packet.before(at).len(), at);
        expected += field.length();
        assert!(expected <= bytes.len());
    }
    if let Ok(reply) = packet.body {
        assert!(reply.received_us > 0 && reply.sent_us > 0);
        assert!(reply.root_delay_us > 0 && reply.root_dispersion_us > 0);
    }
    let key = || Zeroizing::new([0x5a; KEY]);
    let mut association = Association::new(key(), key(), vec![vec![1; 100]]);
    assert!(association.open(&packet, &[0; IDENTIFIER]).is_err());
    assert_eq!(association.cookies_left(), 1);
}

/// A field that is read is written the same, and an authenticator's parts lie in it.
pub fn extension_fields(bytes: &[u8]) {
    let Ok(field) = ExtensionField::read(bytes) else { return };
    let mut written = Vec::new();
    extension_field::write(&mut written, field.kind, field.value);
    assert_eq!(written, bytes[..field.length()]);
    if let Ok((nonce, sealed)) = field.authenticator() {
        assert!(nonce.len() + sealed.len() + 4 <= field.value.len());
    }
}

/// An agreement ends where the records say, and holds what a client may hold.
pub fn records(bytes: &[u8]) {
    let end = end_of(bytes);
    assert!(end.is_none_or(|end| end <= bytes.len()));
    let Ok(agreement) = Agreement::parse(bytes) else { return };
    assert!(bytes.len() <= MAX_ANSWER);
    assert_eq!(end, Some(bytes.len()));
    assert!((1..=MAX_COOKIES).contains(&agreement.cookies.len()));
    assert!(agreement.cookies.iter().all(|cookie| (1..=MAX_COOKIE).contains(&cookie.len())));
}
