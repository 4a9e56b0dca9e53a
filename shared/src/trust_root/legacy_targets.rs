//! The single keys and certificates that cosign 2 and gitsign look up in TUF by `custom.sigstore.usage`.

use super::material::{CertificateChain, TrustMaterial};

/// What such a target is for, in the words of those clients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Usage {
    /// A certificate log's key.
    Ctfe,
    /// A certificate of an issuing chain.
    Fulcio,
    /// A signature log's key.
    Rekor,
    /// A certificate of a timestamping chain.
    Tsa,
}

impl Usage {
    /// As written in the target's `custom` member.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ctfe => "CTFE",
            Self::Fulcio => "Fulcio",
            Self::Rekor => "Rekor",
            Self::Tsa => "TSA",
        }
    }
}

/// One such target.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LegacyTarget {
    /// Its path in the repository.
    pub name: String,
    /// PEM.
    pub bytes: Vec<u8>,
    /// What it is for.
    pub usage: Usage,
    /// Whether it is still in use; clients take what has expired too, for old signatures.
    pub is_active: bool,
}

/// The targets for `material`. The first of each kind has the name that clients fall back to, later ones a number.
pub(super) fn legacy_targets(material: &TrustMaterial) -> Vec<LegacyTarget> {
    let mut targets = Vec::new();
    for (at, chain) in material.issuing.iter().enumerate() {
        for (place, der) in chain.certificates.iter().enumerate() {
            let is_root = place + 1 == chain.certificates.len();
            let stem = if is_root { "fulcio".to_owned() } else { intermediate("fulcio", place) };
            targets.push(certificate(&stem, at, der, Usage::Fulcio, chain));
        }
    }
    for (usage, stem, logs) in
        [(Usage::Ctfe, "ctfe", &material.certificate_logs), (Usage::Rekor, "rekor", &material.signature_logs)]
    {
        targets.extend(logs.iter().enumerate().map(|(at, log)| LegacyTarget {
            name: numbered(stem, at, "pub"),
            bytes: log.key.to_pem().into_bytes(),
            usage,
            is_active: log.validity.end.is_none(),
        }));
    }
    for (at, chain) in material.timestamping.iter().enumerate() {
        let last = chain.certificates.len().saturating_sub(1);
        for (place, der) in chain.certificates.iter().enumerate() {
            let stem = match place {
                0 => "tsa_leaf".to_owned(),
                _ if place == last => "tsa_root".to_owned(),
                _ => intermediate("tsa", place - 1),
            };
            targets.push(certificate(&stem, at, der, Usage::Tsa, chain));
        }
    }
    targets
}

fn intermediate(stem: &str, place: usize) -> String {
    format!("{stem}_intermediate_{place}")
}

fn numbered(stem: &str, at: usize, extension: &str) -> String {
    if at == 0 { format!("{stem}.{extension}") } else { format!("{stem}_{}.{extension}", at + 1) }
}

fn certificate(stem: &str, at: usize, der: &[u8], usage: Usage, chain: &CertificateChain) -> LegacyTarget {
    let line_ending = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    LegacyTarget {
        name: numbered(stem, at, "crt.pem"),
        bytes: pem::encode_config(&pem::Pem::new("CERTIFICATE", der), line_ending).into_bytes(),
        usage,
        is_active: chain.validity.end.is_none(),
    }
}
