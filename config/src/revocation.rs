//! `[revocation]`

use serde::{Deserialize, Serialize};

/// Revocation of the certificates that the root issued: the issuing authority's and the timestamp units'. Signing
/// certificates live for minutes and are not revoked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RevocationSection {
    /// Where others reach `/crl`, `/ocsp` and `/ca` in plain HTTP, as `http://pki.example.com`, without a slash at its
    /// end. Certificates made from then on say so; those made before do not. Without it no certificate names an
    /// address.
    pub origin: Option<String>,
    /// IP address and port where these paths alone are served in plain HTTP, besides the instance's own listener.
    /// Everything there is signed and public.
    pub listen: Option<String>,
    /// Days that a revocation list is valid. It is signed anew when half of them are over, if the root's key is in the
    /// data directory; otherwise `privyseal ca crl` is the operator's work.
    pub crl_days: u32,
    /// Hours that an OCSP answer is valid.
    pub ocsp_hours: u32,
}

impl Default for RevocationSection {
    fn default() -> Self {
        Self { origin: None, listen: None, crl_days: 90, ocsp_hours: 24 }
    }
}
