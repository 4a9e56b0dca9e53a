//! The signature log of this instance: its first entry, and recently issued certificates. What an entry is, and who may
//! write one, is decided in the crate `privyseal-sigstore`.

pub(crate) mod first_entry;
mod issued_lately;

pub(crate) use issued_lately::IssuedLately;
