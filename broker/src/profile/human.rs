//! People, by the e-mail address that the issuer has verified.

use super::{ClaimError, Claimed};
use crate::jose::Claims;
use crate::names::{EmailAddress, Name};

pub(super) fn claim(claims: &Claims) -> Result<Claimed, ClaimError> {
    let email = claims.string("email").ok_or(ClaimError::EmailMissing)?;
    // JSON `true`: "true" is what issuers write who pass on what a user typed.
    let is_verified = claims.get("email_verified").and_then(|value| value.as_bool()) == Some(true);
    let name = Name::Email(verified_address(email, is_verified)?);
    // Clients sign the claim as in the token, before we put the domain into lower case.
    Ok(Claimed { name, proof_name: email.to_owned(), extensions: Vec::new() })
}

/// The address, if the issuer has verified it: for tokens and logins.
pub(crate) fn verified_address(email: &str, is_verified: bool) -> Result<EmailAddress, ClaimError> {
    if !is_verified {
        return Err(ClaimError::EmailUnverified);
    }
    Ok(EmailAddress::parse(email)?)
}
