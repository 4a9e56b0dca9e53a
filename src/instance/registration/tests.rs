//! Proofs from a real name server, into a whole instance.

#[cfg(feature = "edge-tests")]
mod instance;
#[cfg(not(feature = "dns-proofs"))]
mod not_built;
#[cfg(feature = "edge-tests")]
mod owner;
