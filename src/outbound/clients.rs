//! One HTTP client for each combination of allowed addresses, which most records share.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use broker::issuer::Reach;

use super::client::{Outbound, OutboundError};

/// The clients that were created so far. They are kept for ever: there are only as many as kinds of reach in the
/// configuration.
#[derive(Default)]
pub(super) struct Clients(Mutex<HashMap<Reach, Outbound>>);

impl Clients {
    /// The client for this reach, created if there is none.
    pub(super) fn of(&self, reach: &Reach) -> Result<Outbound, OutboundError> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(reach) {
            return Ok(client.clone());
        }
        let client = Outbound::new(reach)?;
        clients.insert(reach.clone(), client.clone());
        Ok(client)
    }
}
