//! Proofs from a real name server, into a whole house.

#[cfg(feature = "dns-proofs")]
mod house;
#[cfg(not(feature = "dns-proofs"))]
mod not_built;
#[cfg(feature = "dns-proofs")]
mod owner;
