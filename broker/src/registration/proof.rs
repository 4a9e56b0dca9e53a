//! Evaluates what resolvers and hosts answered: is the claim proven?
//!
//! Three outcomes, never two: the domain says yes, the domain positively says no, or the result is unknown. A failure
//! (SERVFAIL, a timeout, a signature that does not verify) is never a denial, and resolvers that disagree do
//! not prove anything.

use shared::time::UnixTime;

use super::excerpt::cut;
use super::{Claim, InstanceName, ProofMethod, Statement, StatementError, txt_record, well_known};

/// What one source answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Observation {
    /// Who answered: a resolver's address, or the host of a document.
    pub source: String,
    /// What the source answered.
    pub answer: SourceAnswer,
}

/// What a resolver or host answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SourceAnswer {
    /// TXT records at exactly the name, or where its CNAME leads.
    Records {
        /// Each record, its strings put together.
        texts: Vec<Vec<u8>>,
        /// Where a CNAME of the label led.
        alias: Option<String>,
        /// Validated to a trust anchor; otherwise the zone is provably unsigned.
        is_signed: bool,
    },
    /// The body of the well-known document.
    Document(Vec<u8>),
    /// A denial.
    Absent(Absence),
    /// No usable answer.
    Failed(String),
}

/// How a source denies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Absence {
    /// The name does not exist (RFC 8020).
    NxDomain,
    /// The name exists and has no TXT record (RFC 2308 §2.2).
    NoData,
    /// The host has no such document: 404 or 410.
    NoDocument,
    /// Records are there, and none of them is for this claim.
    NotListed,
}

impl std::fmt::Display for Absence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NxDomain => "the name does not exist (NXDOMAIN)",
            Self::NoData => "the name has no TXT record",
            Self::NoDocument => "the host has no such document",
            Self::NotListed => "the domain lists no issuer that fits",
        })
    }
}

/// A domain's authorization, and its extent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// Whether it includes the domains below.
    pub subdomains: bool,
    /// Only issuers that the domain lists may assert its names.
    pub enforce: bool,
    /// When the authorization ends.
    pub until: Option<UnixTime>,
    /// Every resolver validated signatures.
    pub is_signed: bool,
    /// Where a CNAME led.
    pub alias: Option<String>,
}

/// The result of all sources together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ProofFinding {
    /// The domain lists the claim.
    Proved(Proof),
    /// A denial, with the closest record.
    Absent(Absence, Option<ClosestRecord>),
    /// The answers decide nothing.
    Unknown(Inconclusive),
}

/// The closest that a domain came to listing the claim.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClosestRecord {
    /// Another issuer.
    #[error("a record lists the issuer {0:?}")]
    Issuer(String),
    /// Another instance: the record was made for it.
    #[error("a record is for the instance {0:?}")]
    Instance(String),
    /// Another key: the record was copied, or the registrant has a new key.
    #[error("a record names the account {0:?}, which did not sign the request")]
    Account(String),
    /// Another kind.
    #[error("a record of this issuer and account does not list this kind of names")]
    Kind,
    /// The record's `until` has passed.
    #[error("a record ended at {0} (its \"until\")")]
    Ended(u64),
    /// A record that cannot be read.
    #[error("a record cannot be read: {0}")]
    Unreadable(StatementError),
}

/// Why the answers decide nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Inconclusive {
    /// Two sources answer differently.
    #[error("{first} and {second} give different answers; wait until the change has spread")]
    Disagree {
        /// The first source.
        first: String,
        /// The source that answers differently.
        second: String,
    },
    /// Too few answered.
    #[error("{answered} of {asked} resolvers answered, and {needed} must agree: {failures}")]
    TooFew {
        /// How many answered.
        answered: usize,
        /// How many were asked.
        asked: usize,
        /// How many must agree.
        needed: usize,
        /// What went wrong, cut short.
        failures: String,
    },
}

/// The reading of one source's answer.
enum AnswerReading {
    Yes(Proof),
    No(Absence, Option<ClosestRecord>),
    Nothing(String),
}

/// Evaluates all answers. `needed` sources must say the same and none may say another thing; of a document there is one
/// source.
pub fn evaluate(
    claim: &Claim,
    instance: &InstanceName,
    observations: &[Observation],
    needed: usize,
    now: UnixTime,
) -> ProofFinding {
    let needed = if claim.method == ProofMethod::WellKnown { 1 } else { needed.max(1) };
    let mut agreed: Option<(&str, AnswerReading)> = None;
    let (mut answered, mut failures) = (0, Vec::new());
    for observation in observations {
        match (read(claim, instance, &observation.answer, now), &mut agreed) {
            (AnswerReading::Nothing(cause), _) => failures.push(format!("{}: {cause}", observation.source)),
            (reading, None) => {
                answered += 1;
                agreed = Some((&observation.source, reading));
            }
            (reading, Some((first, before))) => {
                if !before.join(reading) {
                    let (first, second) = ((*first).to_owned(), observation.source.clone());
                    return ProofFinding::Unknown(Inconclusive::Disagree { first, second });
                }
                answered += 1;
            }
        }
    }
    match agreed {
        Some((_, AnswerReading::Yes(proof))) if answered >= needed => ProofFinding::Proved(proof),
        Some((_, AnswerReading::No(absence, misfit))) if answered >= needed => ProofFinding::Absent(absence, misfit),
        _ => {
            let failures = cut(failures.join("; "), 300);
            ProofFinding::Unknown(Inconclusive::TooFew { answered, asked: observations.len(), needed, failures })
        }
    }
}

impl AnswerReading {
    /// Takes in another source's reading if it means the same. How each knows (signed or not, by which alias) may
    /// differ: what is left is what all of them say.
    fn join(&mut self, other: Self) -> bool {
        match (self, other) {
            (Self::Yes(ours), Self::Yes(theirs)) => {
                ours.is_signed &= theirs.is_signed;
                ours.alias = ours.alias.take().or(theirs.alias);
                (ours.subdomains, ours.enforce, ours.until) == (theirs.subdomains, theirs.enforce, theirs.until)
            }
            // Two ways to say no are still no: one resolver may already know that the whole name is gone.
            (Self::No(..), Self::No(..)) => true,
            _ => false,
        }
    }
}

fn read(claim: &Claim, instance: &InstanceName, answer: &SourceAnswer, now: UnixTime) -> AnswerReading {
    match answer {
        SourceAnswer::Failed(cause) => AnswerReading::Nothing(cause.clone()),
        SourceAnswer::Absent(absence) => AnswerReading::No(*absence, None),
        SourceAnswer::Records { texts, alias, is_signed } => {
            let statements = texts.iter().filter_map(|text| txt_record::parse(text));
            match find(claim, instance, statements, now) {
                Ok(yes) => AnswerReading::Yes(Proof { is_signed: *is_signed, alias: alias.clone(), ..yes }),
                Err(misfit) => AnswerReading::No(Absence::NotListed, misfit),
            }
        }
        SourceAnswer::Document(document) => match well_known::parse(document) {
            Err(error) => AnswerReading::Nothing(error.to_string()),
            Ok(statements) => match find(claim, instance, statements.into_iter(), now) {
                Ok(yes) => AnswerReading::Yes(Proof { subdomains: false, enforce: false, ..yes }),
                Err(misfit) => AnswerReading::No(Absence::NotListed, misfit),
            },
        },
    }
}

/// Any valid statement is enough. Of several the widest counts, and of those the one that lasts longest.
fn find(
    claim: &Claim,
    instance: &InstanceName,
    statements: impl Iterator<Item = Result<Statement, StatementError>>,
    now: UnixTime,
) -> Result<Proof, Option<ClosestRecord>> {
    let mut closest = None;
    let mut best: Option<Proof> = None;
    let rank = |proof: &Proof| (proof.subdomains, proof.until.map_or(u64::MAX, UnixTime::millis));
    for statement in statements {
        let fits =
            statement.map_err(ClosestRecord::Unreadable).and_then(|statement| fit(claim, instance, &statement, now));
        match fits {
            Err(misfit) if closest.as_ref().is_none_or(|other| closeness(&misfit) > closeness(other)) => {
                closest = Some(misfit);
            }
            Err(_) => {}
            Ok(proof) if best.as_ref().is_none_or(|other| rank(&proof) > rank(other)) => best = Some(proof),
            Ok(_) => {}
        }
    }
    best.ok_or(closest)
}

fn fit(claim: &Claim, instance: &InstanceName, statement: &Statement, now: UnixTime) -> Result<Proof, ClosestRecord> {
    if statement.iss != claim.iss {
        return Err(ClosestRecord::Issuer(statement.iss.to_string()));
    }
    if statement.ca != *instance {
        return Err(ClosestRecord::Instance(statement.ca.to_string()));
    }
    if statement.account != claim.account {
        return Err(ClosestRecord::Account(statement.account.to_string()));
    }
    if !statement.kinds.contains(&claim.kind) {
        return Err(ClosestRecord::Kind);
    }
    if let Some(until) = statement.until.filter(|&until| until <= now) {
        return Err(ClosestRecord::Ended(until.seconds()));
    }
    Ok(Proof {
        subdomains: claim.subdomains && statement.subdomains,
        enforce: statement.enforce,
        until: statement.until,
        is_signed: false,
        alias: None,
    })
}

/// How much of the claim a statement already had right, so that the registrant learns the nearest mistake.
fn closeness(misfit: &ClosestRecord) -> u8 {
    match misfit {
        ClosestRecord::Issuer(_) => 0,
        ClosestRecord::Instance(_) => 1,
        ClosestRecord::Unreadable(_) => 2,
        ClosestRecord::Account(_) => 3,
        ClosestRecord::Kind => 4,
        ClosestRecord::Ended(_) => 5,
    }
}
