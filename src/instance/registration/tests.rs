//! Proofs from a real name server, into a whole instance.

#[cfg(feature = "dns-proofs")]
mod instance;
#[cfg(not(feature = "dns-proofs"))]
mod not_built;
#[cfg(feature = "dns-proofs")]
mod owner;
