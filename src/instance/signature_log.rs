//! The signature log of this instance: its first entry, and the certificates that are about to come back to it. What an
//! entry is, and who may write one, is decided in the crate `privyseal-sigstore`.

pub(crate) mod first_entry;
mod issued_lately;

pub(crate) use issued_lately::IssuedLately;
