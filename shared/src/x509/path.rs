//! From a set of certificates to one chain. An operator's file may have them in any order, with more than one path to a
//! root.

use super::certificate::Certificate;
use super::chain::{Chain, ChainError};
use crate::keys::PublicKey;
use crate::time::UnixTime;

/// Most certificates in a set.
pub const MAX_CERTIFICATES: usize = 16;

/// Why a set of certificates has no chain for a key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PathError {
    /// It cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// More certificates than are looked at.
    #[error("{0} certificates are too many; at most {MAX_CERTIFICATES} are accepted")]
    Many(usize),
    /// No certificate is for the key.
    #[error("none of the certificates is for the key; they are for {}", .0.join("; "))]
    NoLeaf(Vec<String>),
    /// A path ends at a certificate whose issuer is missing.
    #[error(
        "the certificate of {subject} was issued by {issuer}, whose certificate is missing; add it, up to a self-signed root"
    )]
    NoIssuer {
        /// The last certificate reached.
        subject: String,
        /// Who issued it.
        issuer: String,
    },
    /// A certificate does not belong to the chain.
    #[error("the certificate of {0} is on no path from the key's certificate to a root; remove it")]
    Stray(String),
}

/// The chain for `key` among `certificates`, which may be in any order and cross-signed. Of several paths to a root,
/// the one that is valid at `now` and stays so longest is taken; of two such, the shorter.
pub fn chain_for(key: &PublicKey, certificates: Vec<Certificate>, now: UnixTime) -> Result<Chain, PathError> {
    if certificates.len() > MAX_CERTIFICATES {
        return Err(PathError::Many(certificates.len()));
    }
    let is_for_key = |certificate: &&Certificate| certificate.public_key().key_bits() == key.key_bits();
    // A renewed certificate for the same key may lie beside the old one.
    let leaf = certificates.iter().filter(is_for_key).filter(|c| !c.is_ca()).max_by_key(|c| c.not_after());
    let leaf = leaf.ok_or_else(|| PathError::NoLeaf(certificates.iter().map(Certificate::subject).collect()))?;
    let mut search = Search { certificates: &certificates, ways: Vec::new(), dead_end: None };
    search.climb(&mut vec![leaf]);
    let Search { ways, dead_end, .. } = search;
    let best = ways.iter().max_by_key(|way| {
        let ends = way.iter().map(|certificate| certificate.not_after()).min();
        let is_valid = way.iter().all(|certificate| certificate.is_valid_at(now));
        (is_valid, ends, std::cmp::Reverse(way.len()))
    });
    let Some(best) = best else {
        let last = dead_end.unwrap_or(leaf);
        return Err(PathError::NoIssuer { subject: last.subject(), issuer: last.issuer() });
    };
    let is_used =
        |certificate: &Certificate| is_for_key(&certificate) || ways.iter().flatten().any(|c| *c == certificate);
    if let Some(stray) = certificates.iter().find(|certificate| !is_used(certificate)) {
        return Err(PathError::Stray(stray.subject()));
    }
    Ok(Chain::new(best.iter().map(|certificate| (*certificate).clone()).collect())?)
}

struct Search<'a> {
    certificates: &'a [Certificate],
    ways: Vec<Vec<&'a Certificate>>,
    dead_end: Option<&'a Certificate>,
}

impl<'a> Search<'a> {
    /// Every way from the last certificate of `way` to a root. No certificate is used twice on a way, and a way is no
    /// longer than a chain may be, so this ends.
    fn climb(&mut self, way: &mut Vec<&'a Certificate>) {
        let last = way[way.len() - 1];
        if last.is_issued_by(last) {
            self.ways.push(way.clone());
            return;
        }
        let mut is_end = true;
        for issuer in self.certificates {
            // A name and key that are on the way already would only go round: cross-signed authorities name each other.
            let is_known =
                way.iter().any(|c| c.subject_der() == issuer.subject_der() && c.public_key() == issuer.public_key());
            if is_known || way.len() >= Chain::MAX_CERTIFICATES || !issuer.is_ca() || !last.is_issued_by(issuer) {
                continue;
            }
            is_end = false;
            way.push(issuer);
            self.climb(way);
            way.pop();
        }
        if is_end {
            self.dead_end = Some(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::chain::read_pem;

    // Made with OpenSSL: leaf <- inter <- root, and the same intermediate cross-signed by an old root that ends sooner.
    const LEAF: &str = include_str!("../../../tests/vectors/tsa/own-chain/leaf.pem");
    const INTER: &str = include_str!("../../../tests/vectors/tsa/own-chain/inter.pem");
    const CROSS: &str = include_str!("../../../tests/vectors/tsa/own-chain/inter-cross.pem");
    const ROOT: &str = include_str!("../../../tests/vectors/tsa/own-chain/root.pem");
    const OLD_ROOT: &str = include_str!("../../../tests/vectors/tsa/own-chain/root2.pem");
    /// The day they were made.
    const NOW: UnixTime = UnixTime::from_seconds(1_795_545_600);

    fn one(pem: &str) -> Certificate {
        read_pem(pem, 1).unwrap().remove(0)
    }

    fn chain(parts: &[&str]) -> Result<Chain, PathError> {
        let certificates = parts.iter().map(|pem| one(pem)).collect();
        chain_for(one(LEAF).public_key(), certificates, NOW)
    }

    #[test]
    fn the_order_does_not_matter_and_the_way_that_lasts_longest_is_taken() {
        let expected = Chain::new(vec![one(LEAF), one(INTER), one(ROOT)]).unwrap();
        for parts in [
            &[LEAF, INTER, ROOT][..],
            &[ROOT, INTER, LEAF],
            &[OLD_ROOT, LEAF, CROSS, ROOT, INTER],
            &[INTER, CROSS, OLD_ROOT, ROOT, LEAF],
        ] {
            assert_eq!(chain(parts).as_ref(), Ok(&expected));
        }
        let old = Chain::new(vec![one(LEAF), one(CROSS), one(OLD_ROOT)]).unwrap();
        assert_eq!(chain(&[CROSS, OLD_ROOT, LEAF]), Ok(old));
    }

    #[test]
    fn what_is_missing_or_superfluous_is_named() {
        assert!(matches!(chain(&[LEAF]), Err(PathError::NoIssuer { .. })));
        let error = chain(&[LEAF, INTER]).unwrap_err();
        assert!(matches!(&error, PathError::NoIssuer { issuer, .. } if issuer.contains("CN=Root")), "{error}");
        assert!(matches!(chain(&[INTER, ROOT]), Err(PathError::NoLeaf(there)) if there.len() == 2));
        assert!(
            matches!(chain(&[LEAF, INTER, ROOT, OLD_ROOT]), Err(PathError::Stray(who)) if who.contains("Old Root"))
        );
        assert_eq!(chain(&[LEAF; MAX_CERTIFICATES + 1]), Err(PathError::Many(MAX_CERTIFICATES + 1)));
    }
}
