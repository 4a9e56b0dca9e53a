//! What time servers send; the files beside the readers need sockets.

pub(crate) mod association;
pub(crate) mod extension_field;
pub(crate) mod ntp_packet;
pub(crate) mod nts_record;
