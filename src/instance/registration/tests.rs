//! Proofs from a real name server, into a whole house.

mod dns;
mod document;
mod house;
mod name_server;
mod owner;
