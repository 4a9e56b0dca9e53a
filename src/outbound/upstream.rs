//! Upstream OpenID providers, with us as their relying party.
//!
//! What a connector is, and what becomes of the person that an upstream names, is in `broker::connector`; here is what
//! must wait for others: discovery and keys, the exchange of a code, `userinfo`, and the verification of what they
//! answer.
//!
//! Without the feature `upstream-login` there is no connector: `absent` has the same interface, and no value.

mod error;
mod login;
mod parts;

#[cfg(not(feature = "upstream-login"))]
mod absent;
#[cfg(feature = "upstream-login")]
mod connector;

#[cfg(not(feature = "upstream-login"))]
pub(crate) use absent::UpstreamConnector;
#[cfg(feature = "upstream-login")]
pub(crate) use connector::UpstreamConnector;
pub(crate) use error::UpstreamError;
pub(crate) use parts::{FetchError, Fetcher, UpstreamParts};
