//! Rooms of the binary, which is no library: their files are read here through links. They must not name another room of the
//! binary by `crate::`.
#![allow(dead_code, unused_imports, reason = "of each room a part is used")]

pub(crate) mod signature_log;
pub(crate) mod time_sources;
pub(crate) mod verify;
