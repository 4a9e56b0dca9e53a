//! Proofs from a real name server, into a whole house.

mod house;
mod owner;
