//! The system's clocks. No other module reads them.

mod both;
mod kernel;
mod stopwatch;
mod wall;

pub(crate) use both::SystemClocks;
pub(crate) use stopwatch::Stopwatch;
pub(crate) use wall::SystemClock;
