//! A path from a unit's certificate to a trusted root.

use shared::time::UnixTime;
use shared::x509::{Certificate, Chain};

use crate::unit_certificate::{Window, check_issuer};

/// Signatures checked at most for one token: its certificates come from outside.
const MAX_CHECKS: usize = 64;

/// Whether `certificate` chains to one of `roots` through `candidates`, everything valid `at` that moment and fit to
/// issue.
pub(super) fn exists(
    certificate: &Certificate,
    candidates: &[Certificate],
    roots: &[Certificate],
    at: UnixTime,
) -> bool {
    let mut checks_left = MAX_CHECKS;
    search(certificate, candidates, roots, at, 0, &mut checks_left)
}

fn search(
    certificate: &Certificate,
    candidates: &[Certificate],
    roots: &[Certificate],
    at: UnixTime,
    below: usize,
    checks_left: &mut usize,
) -> bool {
    let issues = |issuer: &Certificate, checks_left: &mut usize| {
        let is_named = issuer.subject_der() == certificate.issuer_der() && Window::of(issuer).contains(at);
        if !is_named || check_issuer(issuer, below).is_err() || *checks_left == 0 {
            return false;
        }
        *checks_left -= 1;
        certificate.is_issued_by(issuer)
    };
    if roots.iter().any(|root| issues(root, checks_left)) {
        return true;
    }
    // Leaf, this one, and the root have their places in the longest chain too.
    below + 3 <= Chain::MAX_CERTIFICATES
        && candidates.iter().any(|candidate| {
            candidate != certificate
                && issues(candidate, checks_left)
                && search(candidate, candidates, roots, at, below + 1, checks_left)
        })
}
