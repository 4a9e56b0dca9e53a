//! What a client and a server of network time security share (RFC 8915 §5): two keys, and cookies by which the server,
//! which keeps no state, finds them again.

use std::collections::VecDeque;

use aes_siv::KeyInit as _;
use aes_siv::siv::Aes128Siv;
use zeroize::Zeroizing;

use crate::extension_field::{self, ExtensionField, kind};
use crate::ntp_packet::{Packet, PacketError};
use crate::nts_record::{MAX_COOKIE, MAX_COOKIES};

/// Octets of a key of AEAD_AES_SIV_CMAC_256.
pub const KEY: usize = 32;
/// Octets of what makes an answer belong to its question (RFC 8915 §5.3).
pub const IDENTIFIER: usize = 32;

/// Keys and cookies of one server.
pub struct Association {
    ours: Zeroizing<[u8; KEY]>,
    theirs: Zeroizing<[u8; KEY]>,
    cookies: VecDeque<Vec<u8>>,
}

/// The random octets of one question.
pub struct Fresh {
    /// What makes the answer belong to the question (RFC 8915 §5.3).
    pub identifier: [u8; IDENTIFIER],
    /// The nonce of its authenticator (RFC 8915 §5.6).
    pub nonce: [u8; 16],
}

/// Why a question cannot be sent, or an answer is not the server's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuthenticationError {
    /// Every cookie was used: the keys must be established anew.
    #[error("there is no cookie left")]
    NoCookie,
    /// The cipher refused.
    #[error("the question could not be sealed")]
    Seal,
    /// It is not to this question, or its authenticator does not cover that it is.
    #[error("the answer has no unique identifier, or another one")]
    Identifier,
    /// It has no authenticator.
    #[error("the answer is not authenticated")]
    NoAuthenticator,
    /// The authenticator is malformed, or made with another key or over something else.
    #[error("the answer's authenticator does not verify")]
    Wrong,
    /// What was encrypted is no list of extension fields.
    #[error("the encrypted part of the answer is not a list of extension fields")]
    Contents,
    /// An extension field of the packet is malformed.
    #[error("{0}")]
    Packet(#[from] PacketError),
}

impl Association {
    /// With the key that questions are sealed with, the key that answers are sealed with, and cookies, the first to be
    /// used first (RFC 8915 §5.1).
    pub fn new(ours: Zeroizing<[u8; KEY]>, theirs: Zeroizing<[u8; KEY]>, cookies: Vec<Vec<u8>>) -> Self {
        Self { ours, theirs, cookies: cookies.into() }
    }

    /// How many questions may still be asked.
    pub fn cookies_left(&self) -> usize {
        self.cookies.len()
    }

    /// Makes `packet`, the header of a question, an authenticated one. It uses up a cookie and asks for as many as are
    /// missing.
    pub fn seal(&mut self, packet: &mut Vec<u8>, fresh: &Fresh) -> Result<(), AuthenticationError> {
        let cookie = self.cookies.pop_front().ok_or(AuthenticationError::NoCookie)?;
        extension_field::write(packet, kind::UNIQUE_IDENTIFIER, &fresh.identifier);
        extension_field::write(packet, kind::COOKIE, &cookie);
        // One comes back for the one used; a placeholder of the same length asks for each further one (RFC 8915 §5.7).
        for _ in self.cookies.len() + 1..MAX_COOKIES {
            extension_field::write(packet, kind::COOKIE_PLACEHOLDER, &vec![0; cookie.len()]);
        }
        let nothing: &[u8] = &[];
        let sealed = Aes128Siv::new((&*self.ours).into())
            .encrypt([&packet[..], &fresh.nonce], nothing)
            .map_err(|_| AuthenticationError::Seal)?;
        extension_field::write_authenticator(packet, &fresh.nonce, &sealed);
        Ok(())
    }

    /// Whether `packet` answers the question with `identifier`, by the server itself; the cookies in it are stored.
    ///
    /// The identifier must stand before the authenticator, which covers it; what stands after the authenticator is
    /// covered by nothing and is not looked at.
    pub fn open(&mut self, packet: &Packet<'_>, identifier: &[u8]) -> Result<(), AuthenticationError> {
        let mut is_ours = false;
        for field in packet.fields() {
            let (at, field) = field?;
            match field.kind {
                kind::UNIQUE_IDENTIFIER if is_ours || field.value != identifier => {
                    return Err(AuthenticationError::Identifier);
                }
                kind::UNIQUE_IDENTIFIER => is_ours = true,
                kind::AUTHENTICATOR if !is_ours => return Err(AuthenticationError::Identifier),
                kind::AUTHENTICATOR => return self.open_rest(packet.before(at), field),
                _ => {}
            }
        }
        Err(if is_ours { AuthenticationError::NoAuthenticator } else { AuthenticationError::Identifier })
    }

    fn open_rest(&mut self, covered: &[u8], field: ExtensionField<'_>) -> Result<(), AuthenticationError> {
        let (nonce, sealed) = field.authenticator().map_err(|_| AuthenticationError::Wrong)?;
        let opened = Aes128Siv::new((&*self.theirs).into())
            .decrypt([covered, nonce], sealed)
            .map_err(|_| AuthenticationError::Wrong)?;
        let mut rest = &opened[..];
        while !rest.is_empty() {
            let field = ExtensionField::read(rest).map_err(|_| AuthenticationError::Contents)?;
            rest = &rest[field.length()..];
            if field.kind == kind::COOKIE && field.value.len() <= MAX_COOKIE && self.cookies.len() < MAX_COOKIES {
                self.cookies.push_back(field.value.to_vec());
            }
        }
        Ok(())
    }
}

/// Whether a refusal is at least to our question: only someone who saw the question knows the identifier.
pub fn has_identifier(packet: &Packet<'_>, identifier: &[u8]) -> bool {
    packet
        .fields()
        .map_while(Result::ok)
        .any(|(_, field)| field.kind == kind::UNIQUE_IDENTIFIER && field.value == identifier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ntp_packet::question;

    const COOKIE: [u8; 8] = *b"cookie!!";

    fn keys() -> (Zeroizing<[u8; KEY]>, Zeroizing<[u8; KEY]>) {
        (Zeroizing::new([1; KEY]), Zeroizing::new([2; KEY]))
    }

    fn association(cookies: usize) -> Association {
        let (ours, theirs) = keys();
        Association::new(ours, theirs, vec![vec![b'c'; 100]; cookies])
    }

    fn fresh() -> Fresh {
        Fresh { identifier: [3; IDENTIFIER], nonce: [4; 16] }
    }

    /// What a server that knows the keys would answer.
    fn answer(identifier: &[u8], contents: &[u8], key: &[u8; KEY]) -> Vec<u8> {
        let mut packet = vec![0; 48];
        (packet[0], packet[1]) = (0x24, 1);
        packet[24..32].copy_from_slice(&COOKIE);
        (packet[32], packet[40]) = (0xee, 0xee);
        extension_field::write(&mut packet, kind::UNIQUE_IDENTIFIER, identifier);
        let sealed = Aes128Siv::new(key.into()).encrypt([&packet[..], &[5; 16]], contents).expect("seals");
        extension_field::write_authenticator(&mut packet, &[5; 16], &sealed);
        packet
    }

    #[test]
    fn a_question_asks_for_the_cookies_that_are_missing() {
        let mut association = association(3);
        let mut packet = question(COOKIE).to_vec();
        association.seal(&mut packet, &fresh()).expect("seals");
        assert_eq!(association.cookies_left(), 2);
        let mut at = 48;
        let mut kinds = Vec::new();
        while at < packet.len() {
            let field = ExtensionField::read(&packet[at..]).expect("a field");
            kinds.push(field.kind);
            at += field.length();
        }
        assert_eq!(kinds, [0x0104, 0x0204, 0x0304, 0x0304, 0x0304, 0x0304, 0x0304, 0x0404]);
        assert_eq!(ExtensionField::read(&packet[48..]).unwrap().value, [3; IDENTIFIER]);
    }

    #[test]
    fn an_answer_of_the_server_brings_cookies() {
        let mut association = association(0);
        let mut contents = Vec::new();
        for _ in 0..10 {
            extension_field::write(&mut contents, kind::COOKIE, &[b'n'; 100]);
        }
        let bytes = answer(&[3; IDENTIFIER], &contents, &[2; KEY]);
        let packet = Packet::parse(&bytes, COOKIE).expect("parses");
        assert_eq!(association.open(&packet, &[3; IDENTIFIER]), Ok(()));
        assert_eq!(association.cookies_left(), MAX_COOKIES);
    }

    #[test]
    fn an_answer_of_another_is_refused() {
        let good = answer(&[3; IDENTIFIER], &[], &[2; KEY]);
        let open = |bytes: &[u8]| {
            let packet = Packet::parse(bytes, COOKIE).expect("parses");
            association(1).open(&packet, &[3; IDENTIFIER])
        };
        assert_eq!(open(&good), Ok(()));
        assert_eq!(open(&answer(&[3; IDENTIFIER], &[], &[1; KEY])), Err(AuthenticationError::Wrong));
        assert_eq!(open(&answer(&[9; IDENTIFIER], &[], &[2; KEY])), Err(AuthenticationError::Identifier));
        assert_eq!(open(&good[..48]), Err(AuthenticationError::Identifier));
        assert_eq!(open(&good[..48 + 36]), Err(AuthenticationError::NoAuthenticator));
        assert_eq!(open(&answer(&[3; IDENTIFIER], &[1; 20], &[2; KEY])), Err(AuthenticationError::Contents));
        // Any bit of what is covered or sealed; the header's own fields are refused before, or covered too.
        for at in (2..24).chain(32..good.len()) {
            let mut changed = good.clone();
            changed[at] ^= 1;
            assert!(open(&changed).is_err(), "octet {at}");
        }
    }

    #[test]
    fn without_a_cookie_nothing_is_asked() {
        let mut packet = question(COOKIE).to_vec();
        assert_eq!(association(0).seal(&mut packet, &fresh()), Err(AuthenticationError::NoCookie));
    }
}
