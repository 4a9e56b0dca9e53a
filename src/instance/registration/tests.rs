//! Proofs from a real name server, into a whole instance.

mod instance;
mod owner;
