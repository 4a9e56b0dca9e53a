//! The `TimeStampResp` around a token.

use shared::x509::der_writer::tag;

use super::error::VerifyError;
use crate::der_reader::{DerFault, DerReader};

/// The token of a granted response: status 0. `grantedWithMods` is refused, since it does not say what was modified.
pub(super) fn token(response: &[u8]) -> Result<&[u8], VerifyError> {
    let (status, text, token) = parse(response).map_err(VerifyError::Response)?;
    match token {
        Some(token) if status == [0] => Ok(token),
        None if status != [0] => Err(VerifyError::Refused { status: status[0], text }),
        Some(_) => Err(VerifyError::Structure("a token comes with a status other than granted")),
        None => Err(VerifyError::Structure("the status is granted but there is no token")),
    }
}

type ResponseParts<'a> = (&'a [u8], String, Option<&'a [u8]>);

fn parse(response: &[u8]) -> Result<ResponseParts<'_>, DerFault> {
    let mut fields = DerReader::new(DerReader::single(response, tag::SEQUENCE)?);
    let mut info = DerReader::new(fields.read(tag::SEQUENCE)?.contents);
    let status = info.integer()?.contents;
    let mut text = String::new();
    if let Some(strings) = info.optional(tag::SEQUENCE)? {
        let mut strings = DerReader::new(strings.contents);
        while !strings.is_empty() {
            let string = strings.read(tag::UTF8_STRING)?.contents;
            let string = std::str::from_utf8(string).map_err(|_| DerFault::Contents)?;
            // Text from outside, on its way to a terminal or a log.
            text.extend(string.chars().filter(|character| !character.is_control()).take(200));
        }
    }
    info.optional(tag::BIT_STRING)?;
    info.finish()?;
    let token = if fields.is_empty() { None } else { Some(fields.read(tag::SEQUENCE)?.whole) };
    fields.finish()?;
    Ok((status, text, token))
}
