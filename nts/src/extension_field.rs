//! NTP extension fields (RFC 7822) and those of network time security (RFC 8915 §5).

/// Numbers of fields.
pub mod kind {
    /// The unique identifier: it ties an answer to its question.
    pub const UNIQUE_IDENTIFIER: u16 = 0x0104;
    /// A cookie, by which the server finds our keys.
    pub const COOKIE: u16 = 0x0204;
    /// A placeholder: room for a further cookie in the answer.
    pub const COOKIE_PLACEHOLDER: u16 = 0x0304;
    /// Authenticates what is before it and holds what is encrypted.
    pub const AUTHENTICATOR: u16 = 0x0404;
}

/// Octets of a field's head.
const HEAD: usize = 4;
/// Shortest field (RFC 7822 §7.5), head included.
const SHORTEST: usize = 16;

/// Why octets are not an extension field.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FieldError {
    /// Octets, head included: too few, or no multiple of four.
    #[error("a field cannot have {0} octets")]
    Length(usize),
    /// The octets end before the field does.
    #[error("it is cut short")]
    Short,
    /// Nonce and ciphertext do not lie in it as their lengths say.
    #[error("the authenticator does not have the form of RFC 8915 section 5.6")]
    Authenticator,
}

/// A field where it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExtensionField<'a> {
    /// Its number; those that matter are in [`kind`].
    pub kind: u16,
    /// Its value, padding included: what is padding the value must say.
    pub value: &'a [u8],
}

impl<'a> ExtensionField<'a> {
    /// Reads the field at the beginning of `octets`.
    pub fn read(octets: &'a [u8]) -> Result<Self, FieldError> {
        let head = octets.first_chunk::<HEAD>().ok_or(FieldError::Short)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if length < SHORTEST || length % 4 != 0 {
            return Err(FieldError::Length(length));
        }
        let value = octets.get(HEAD..length).ok_or(FieldError::Short)?;
        Ok(Self { kind: u16::from_be_bytes([head[0], head[1]]), value })
    }

    /// Its length, head included.
    pub fn length(&self) -> usize {
        HEAD + self.value.len()
    }

    /// Nonce and ciphertext, when it is an authenticator (RFC 8915 §5.6).
    pub fn authenticator(&self) -> Result<(&'a [u8], &'a [u8]), FieldError> {
        let head = self.value.first_chunk::<4>().ok_or(FieldError::Authenticator)?;
        let nonce_length = usize::from(u16::from_be_bytes([head[0], head[1]]));
        let sealed_length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let begin = 4 + nonce_length.next_multiple_of(4);
        let nonce = self.value.get(4..4 + nonce_length).ok_or(FieldError::Authenticator)?;
        let sealed = self.value.get(begin..begin + sealed_length).ok_or(FieldError::Authenticator)?;
        Ok((nonce, sealed))
    }
}

/// Appends a field, padded with zeros to a length that fields may have.
pub fn write(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = (HEAD + value.len()).next_multiple_of(4).max(SHORTEST);
    // Values are cookies and identifiers, capped where they come in, far below a u16.
    let length_field = u16::try_from(length).unwrap_or(u16::MAX);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&length_field.to_be_bytes());
    out.extend_from_slice(value);
    out.resize(out.len() + length - HEAD - value.len(), 0);
}

/// Appends an authenticator of a nonce of 16 octets: with one that long no further padding is needed.
pub fn write_authenticator(out: &mut Vec<u8>, nonce: &[u8; 16], sealed: &[u8]) {
    let mut value = Vec::with_capacity(4 + nonce.len() + sealed.len());
    value.extend_from_slice(&16_u16.to_be_bytes());
    value.extend_from_slice(&u16::try_from(sealed.len()).unwrap_or(u16::MAX).to_be_bytes());
    value.extend_from_slice(nonce);
    value.extend_from_slice(sealed);
    write(out, kind::AUTHENTICATOR, &value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        write(&mut out, kind::COOKIE, b"short");
        write_authenticator(&mut out, &[7; 16], &[9; 17]);
        let cookie = ExtensionField::read(&out).expect("a field");
        assert_eq!((cookie.kind, cookie.length(), &cookie.value[..5]), (kind::COOKIE, 16, &b"short"[..]));
        let field = ExtensionField::read(&out[16..]).expect("a field");
        assert_eq!(field.authenticator(), Ok((&[7; 16][..], &[9; 17][..])));
        assert_eq!(out.len() % 4, 0);
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        for (octets, expected) in [
            (&[1, 4, 0][..], FieldError::Short),
            (&[1, 4, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0], FieldError::Length(12)),
            (&[1, 4, 0, 0], FieldError::Length(0)),
            (&[1, 4, 0, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], FieldError::Length(18)),
            (&[1, 4, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], FieldError::Short),
        ] {
            assert_eq!(ExtensionField::read(octets), Err(expected), "{octets:?}");
        }
        for value in [&[0, 16, 0, 0][..], &[0, 0, 0, 1], &[0, 0], &[0xff, 0xff, 0xff, 0xff, 1]] {
            let field = ExtensionField { kind: kind::AUTHENTICATOR, value };
            assert_eq!(field.authenticator(), Err(FieldError::Authenticator), "{value:?}");
        }
    }
}
