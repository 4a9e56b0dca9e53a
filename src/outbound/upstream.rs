//! Upstream OpenID providers, with us as their relying party.
//!
//! What a connector is, and what becomes of the person that an upstream names, is in `broker::connector`; here is what
//! must wait for others: discovery and keys, the exchange of a code, `userinfo`, and the verification of what they
//! answer.

mod connector;
mod error;
mod relying_party;
mod verify;

pub(crate) use connector::{FetchError, Fetcher, UpstreamConnector};
pub(crate) use error::UpstreamError;
pub(crate) use relying_party::{OidcConnector, OidcConnectorParts};
pub(crate) use verify::UpstreamLogin;
