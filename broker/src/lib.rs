//! broker
pub mod ca;
pub mod connector;
pub mod explain;
pub mod issuer;
pub mod names;
pub mod namespace;
pub mod principal;
pub mod profile;
pub mod provider;
pub mod registration;
pub mod signing;
pub mod svid;
pub mod token;
pub mod trust_domain;
