//! What the rules say yes to.

use super::{Scope, Speaker};
use crate::names::{EmailAddress, Rule};
use crate::profile::Claimed;
use crate::token::VerifiedToken;

/// Leave for the bearer of one token to be called one name. Made by `Rules::permit` only.
#[derive(Debug)]
pub struct Permit {
    token: VerifiedToken,
    claimed: Claimed,
    speaker: Speaker,
    rule: String,
}

impl Permit {
    pub(super) fn new(token: VerifiedToken, claimed: Claimed, rule: Rule, speaker: &Speaker, grant: &Scope) -> Self {
        Self { token, claimed, speaker: speaker.clone(), rule: describe(rule, speaker, grant) }
    }

    /// The token.
    pub fn token(&self) -> &VerifiedToken {
        &self.token
    }

    /// What the token claimed, and now may be called.
    pub fn claimed(&self) -> &Claimed {
        &self.claimed
    }

    /// Who spoke.
    pub fn speaker(&self) -> &Speaker {
        &self.speaker
    }

    /// Rule, speaker and grant for the audit log: `E6 issuer:corp email-domain:example.com`.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    pub(crate) fn into_parts(self) -> (VerifiedToken, Claimed, String) {
        (self.token, self.claimed, self.rule)
    }
}

/// Leave for a connector to say that a person has this address. Made by `Rules::permit_login` only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoginPermit {
    address: EmailAddress,
    rule: String,
}

impl LoginPermit {
    pub(super) fn new(address: EmailAddress, rule: Rule, speaker: &Speaker, grant: &Scope) -> Self {
        Self { address, rule: describe(rule, speaker, grant) }
    }

    /// The address, its domain in lower case.
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// Rule, speaker and grant for the audit log.
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

fn describe(rule: Rule, speaker: &Speaker, grant: &Scope) -> String {
    format!("{rule} {speaker} {grant}")
}
