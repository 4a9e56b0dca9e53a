//! The HTTP edges, one file per protocol, and the frame around them.

pub(crate) mod api;
pub(crate) mod disclosure;
pub(crate) mod frame;
pub(crate) mod fulcio;
pub(crate) mod health;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod oidc;
pub(crate) mod pages;
pub(crate) mod request_id;
pub(crate) mod revocation;
pub(crate) mod spiffe;
pub(crate) mod timestamp;
pub(crate) mod trust;
