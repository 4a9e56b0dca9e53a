//! `revocations.toml`: what is revoked, and which list was signed last.

use serde::{Deserialize, Serialize};
use shared::time::UnixTime;
use shared::x509::revocation::{RevocationReason, Revoked};

/// All revocations. Nothing is ever taken out: a list names them past the last day of the certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevocationRegister {
    /// Version of the file; this program reads 1.
    pub(super) version: u32,
    /// The number of the next list.
    pub(super) next_number: u64,
    /// The list that was signed last.
    #[serde(default)]
    pub(super) list: Option<SignedList>,
    #[serde(default)]
    pub(super) revoked: Vec<RevokedEntry>,
}

/// A list that was signed. The moments are seconds since the epoch.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedList {
    pub(crate) number: u64,
    pub(crate) this_update: u64,
    pub(crate) next_update: u64,
    /// How many certificates are on it.
    pub(crate) entries: usize,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokedEntry {
    /// Lower-case hex.
    pub(super) serial: String,
    pub(super) at: u64,
    /// As RFC 5280 names it.
    pub(super) reason: String,
}

/// Why the register cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RevocationRegisterError {
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    #[error(
        "the file has version {0}, and this program reads version 1 only; use the version of privyseal that wrote it, \
         or a newer one"
    )]
    Version(u32),
    #[error(
        "an entry is damaged: `{0}` is not a serial number in hex, or `{1}` is not a reason; restore the file from a \
         backup"
    )]
    Entry(String, String),
}

impl Default for RevocationRegister {
    fn default() -> Self {
        Self { version: 1, next_number: 1, list: None, revoked: Vec::new() }
    }
}

impl RevocationRegister {
    pub(super) fn parse(text: &str) -> Result<Self, RevocationRegisterError> {
        let register: Self = toml::from_str(text)?;
        if register.version != 1 {
            return Err(RevocationRegisterError::Version(register.version));
        }
        match register.revoked.iter().find(|entry| entry.read().is_none()) {
            Some(entry) => Err(RevocationRegisterError::Entry(entry.serial.clone(), entry.reason.clone())),
            None => Ok(register),
        }
    }

    pub(super) fn to_text(&self) -> String {
        let body = toml::to_string(self).expect("strings and numbers always encode");
        format!("# What the root revoked. Kept by the program; `privyseal ca revoke` adds to it.\n{body}")
    }

    pub(super) fn find(&self, serial: &str) -> Option<&RevokedEntry> {
        self.revoked.iter().find(|entry| entry.serial == serial)
    }

    /// The register with one more.
    pub(super) fn with(&self, serial: String, reason: RevocationReason, at: UnixTime) -> Self {
        let mut register = self.clone();
        register.revoked.push(RevokedEntry { serial, at: at.seconds(), reason: reason.name().to_owned() });
        register
    }

    pub(super) fn revoked(&self) -> Vec<Revoked> {
        self.revoked.iter().filter_map(RevokedEntry::read).collect()
    }

    /// Whether the last list lacks an entry of this register, or is past half of its time.
    pub(super) fn is_list_due(&self, now: UnixTime) -> bool {
        self.list.as_ref().is_none_or(|list| {
            let half = list.this_update + list.next_update.saturating_sub(list.this_update) / 2;
            list.entries != self.revoked.len() || now.seconds() >= half
        })
    }
}

impl RevokedEntry {
    fn read(&self) -> Option<Revoked> {
        let serial = hex::decode(&self.serial).ok().filter(|serial| !serial.is_empty())?;
        let reason = RevocationReason::parse(&self.reason)?;
        Some(Revoked { serial, at: UnixTime::from_seconds(self.at), reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_register_reads_back_and_knows_when_a_list_is_due() {
        let now = UnixTime::from_seconds(1_000);
        let empty = RevocationRegister::default();
        assert!(empty.is_list_due(now));
        let list = SignedList { number: 1, this_update: 1_000, next_update: 2_000, entries: 0 };
        let signed = RevocationRegister { list: Some(list), next_number: 2, ..empty };
        assert!(
            !signed.is_list_due(UnixTime::from_seconds(1_499)) && signed.is_list_due(UnixTime::from_seconds(1_500))
        );
        let revoked = signed.with("01ff".to_owned(), RevocationReason::Superseded, now);
        assert!(revoked.is_list_due(now));
        assert_eq!(RevocationRegister::parse(&revoked.to_text()).expect("parses"), revoked);
        assert_eq!(revoked.revoked()[0].serial, [1, 0xff]);
        for wrong in [("01ff", "xyz"), ("superseded", "hold"), ("version = 1", "version = 9")] {
            assert!(RevocationRegister::parse(&revoked.to_text().replace(wrong.0, wrong.1)).is_err(), "{wrong:?}");
        }
    }
}
