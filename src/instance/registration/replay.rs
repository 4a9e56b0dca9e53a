//! Registrations from the audit log: all of them if the store is lost, and those that a crash kept out of it.

use broker::registration::{ImageError, Registration, Roster};
use shared::audit::AuditRecord;
use shared::log::tile::{TileKind, width_in};
use shared::log::{Entries, Log, ReadError, TilePath};
use shared::store::{Store, StoreBatch, StoreError, Table};
use shared::strict_json::JsonError;
use shared::time::UnixTime;

/// The key of the number of audit log leaves that the table covers. No identifier begins like this.
const CURSOR: &[u8] = b"!audit";
/// The audit log's state of a registration that no longer exists.
pub(super) const DROPPED: &str = "dropped";
/// How a leaf about a registration begins; others are skipped without being parsed.
const LEAF: &[u8] = br#"{"type":"issuer-registration""#;
/// Longest leaf that is read, in bytes.
const MAX_LEAF: usize = 64 * 1024;
/// Leaves in an entry bundle (C2SP tlog-tiles).
const WIDTH: u64 = 256;
/// How many are read from the store at once.
const PAGE: usize = 256;

/// Why the registrations cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error("leaf {index} of the audit log cannot be read: {error}")]
    Leaf { index: u64, error: JsonError },
    #[error("the registration in leaf {index} of the audit log cannot be read: {error}")]
    Image { index: u64, error: ImageError },
    #[error("the audit log cannot be read: {0}")]
    Log(#[from] ReadError),
    #[error("the audit log's file {0} is missing or damaged; check the log with `privyseal audit verify`")]
    Missing(TilePath),
    #[error("the store cannot be read or written: {0}")]
    Store(#[from] StoreError),
}

/// The registrations in the store, with the changes that only the audit log has. The store covers the whole log when
/// this returns.
pub(super) fn load(store: &dyn Store, audit: &Log, now: UnixTime) -> Result<Roster, ReplayError> {
    let (mut roster, cursor) = match stored(store, now)? {
        // A log that is shorter than what the store has seen of it is another log; the log is the truth.
        Some((roster, cursor)) if cursor <= audit.size() => (roster, cursor),
        _ => (Roster::default(), 0),
    };
    let size = audit.size();
    let mut changed = Vec::new();
    for bundle in cursor / WIDTH..size.div_ceil(WIDTH) {
        let width = u8::try_from(width_in(TileKind::Entries, bundle, size)).ok();
        let path = TilePath { kind: TileKind::Entries, index: bundle, width };
        let bytes = audit.tile(path)?.ok_or(ReplayError::Missing(path))?;
        for (index, leaf) in (bundle * WIDTH..size).zip(Entries(&bytes)) {
            let leaf = leaf.ok_or(ReplayError::Missing(path))?;
            if index >= cursor && leaf.starts_with(LEAF) {
                changed.push(take(&mut roster, index, leaf)?);
            }
        }
    }
    for id in &changed {
        let registration = roster.find(id);
        keep(store, id, registration, size, now)?;
    }
    store.commit(StoreBatch::new().put(Table::Registrations, CURSOR, size.to_string(), None), now)?;
    if !changed.is_empty() {
        tracing::info!(changes = changed.len(), "registrations were restored from the audit log");
    }
    Ok(roster)
}

/// The registrations in the store. If one of them is damaged, all are read from the audit log instead.
fn stored(store: &dyn Store, now: UnixTime) -> Result<Option<(Roster, u64)>, ReplayError> {
    let cursor = store.get(Table::Registrations, CURSOR, now)?;
    let cursor = cursor.and_then(|text| std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()));
    let Some(cursor) = cursor else { return Ok(None) };
    let mut roster = Roster::default();
    let mut after = CURSOR.to_vec();
    loop {
        let page = store.range(Table::Registrations, &after, PAGE, now)?;
        let Some((last, _)) = page.last() else { return Ok(Some((roster, cursor))) };
        after.clone_from(last);
        for (key, value) in &page {
            match Registration::parse(value) {
                Ok(registration) => roster.put(registration),
                Err(error) => {
                    let key = String::from_utf8_lossy(key);
                    tracing::error!(
                        %key, %error,
                        "a registration in the store is damaged; all registrations are read from the audit log"
                    );
                    return Ok(None);
                }
            }
        }
    }
}

fn take(roster: &mut Roster, index: u64, leaf: &[u8]) -> Result<String, ReplayError> {
    let record = shared::strict_json::from_slice(leaf, MAX_LEAF).map_err(|error| ReplayError::Leaf { index, error })?;
    let AuditRecord::IssuerRegistration { registration: id, to, image, .. } = record else {
        return Ok(String::new());
    };
    let registration = Registration::parse(image.to_string().as_bytes());
    let registration = registration.map_err(|error| ReplayError::Image { index, error })?;
    match to.as_str() {
        DROPPED => roster.remove(&registration.id().clone()),
        _ => roster.put(registration),
    }
    Ok(id)
}

/// Writes one registration, or its absence, with how much of the audit log the store then holds.
pub(super) fn keep(
    store: &dyn Store,
    id: &str,
    registration: Option<&Registration>,
    cursor: u64,
    now: UnixTime,
) -> Result<(), StoreError> {
    let batch = match registration {
        Some(registration) => StoreBatch::new().put(Table::Registrations, id, registration.to_json(), None),
        None => StoreBatch::new().delete(Table::Registrations, id),
    };
    store.commit(batch.put(Table::Registrations, CURSOR, cursor.to_string(), None), now)
}
