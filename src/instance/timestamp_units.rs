//! The timestamp units of the instance: their keys and certificates, from generation to destruction.
//!
//! ```text
//! made ── certified ── registered ── published ── signs from its moment on ── closed ── destroyed
//! ```
//!
//! Each step is in the audit log before it happens and durable in the register after it, and each may be repeated: the
//! next process continues where the last one ended. A key without its place in the register is an
//! interrupted change and is destroyed at the next start.

mod due_changes;
mod error;
mod files;
mod key_plan;
mod register;
mod units;

pub(crate) use due_changes::IN_FLIGHT;
pub(crate) use error::UnitsError;
pub(crate) use files::{UnitFileError, UnitFiles};
pub(crate) use key_plan::{Root, UnitKeyPlan};
pub(crate) use register::KeyPlace;
pub(crate) use units::TimestampUnits;

#[cfg(test)]
mod tests;
