//! Permits: what the rules allowed.

use super::decision::Decision;
use crate::grants::{Asserter, Scope};
use crate::names::{EmailAddress, Rule};
use crate::profile::Claimed;
use crate::svid::VerifiedSvid;
use crate::token::VerifiedToken;

/// Permission for the holder of one credential to have one name. Made by `Rules::permit` and `Rules::permit_svid`
/// only.
#[derive(Debug)]
pub struct Permit {
    credential: VerifiedCredential,
    claimed: Claimed,
    label: String,
    asserter: Asserter,
    rule: String,
}

/// A presented credential that was verified.
#[derive(Debug)]
pub enum VerifiedCredential {
    /// An SVID of a trust domain.
    Svid(VerifiedSvid),
    /// An issuer's token.
    Token(VerifiedToken),
}

impl Permit {
    /// `label` is what certificates call the asserter.
    pub(super) fn new(
        credential: VerifiedCredential,
        claimed: Claimed,
        label: String,
        decision: Decision<'_>,
        asserter: &Asserter,
    ) -> Self {
        let rule = describe(decision.rule, asserter, decision.grant);
        Self { credential, claimed, label, asserter: asserter.clone(), rule }
    }

    /// The claimed name, which is now permitted.
    pub fn claimed(&self) -> &Claimed {
        &self.claimed
    }

    /// Who asserted the name.
    pub fn asserter(&self) -> &Asserter {
        &self.asserter
    }

    /// Rule, asserter and grant for the audit log: `E6 issuer:corp email-domain:example.com`.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    pub(crate) fn into_parts(self) -> (VerifiedCredential, Claimed, String, String) {
        (self.credential, self.claimed, self.label, self.rule)
    }
}

/// Permission for a connector to assert that a person has this address. Made by `Rules::permit_login` only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoginPermit {
    address: EmailAddress,
    rule: String,
}

impl LoginPermit {
    pub(super) fn new(address: EmailAddress, rule: Rule, asserter: &Asserter, grant: &Scope) -> Self {
        Self { address, rule: describe(rule, asserter, grant) }
    }

    /// The address, its domain in lower case.
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// Rule, asserter and grant for the audit log.
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

fn describe(rule: Rule, asserter: &Asserter, grant: &Scope) -> String {
    format!("{rule} {asserter} {grant}")
}
