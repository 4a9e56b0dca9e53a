//! The demo's output: one line per step, with the time that it took.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::clock::Stopwatch;

/// Writes the lines. Errors of `out` are ignored: the exit status still counts when nobody reads any more.
pub(super) struct Progress<'a> {
    out: &'a mut (dyn Write + Send),
    begun: Stopwatch,
    step: (&'static str, Stopwatch),
    number: usize,
}

impl<'a> Progress<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self { out, begun: Stopwatch::start(), step: ("", Stopwatch::start()), number: 0 }
    }

    pub(super) fn title(&mut self, origin: &str, file: &Path, length: usize) {
        let _ = writeln!(self.out, "Privy Seal demo: signs {} ({length} bytes)", file.display());
        let _ = writeln!(self.out, "with a new instance at {origin}\n");
    }

    pub(super) fn begin(&mut self, step: &'static str) {
        self.number += 1;
        self.step = (step, Stopwatch::start());
    }

    pub(super) fn done(&mut self, what: &str) {
        let (step, stopwatch) = &self.step;
        let took = millis(stopwatch.elapsed());
        let _ = writeln!(self.out, "{:>3}  {step:<13} {took:>10}  {what}", self.number);
    }

    pub(super) fn note(&mut self, what: &str) {
        let _ = writeln!(self.out, "{:>30} - {what}", "");
    }

    pub(super) fn end(&mut self, lines: &[String]) {
        let _ = writeln!(self.out, "     {:<13} {:>10}\n", "total", millis(self.begun.elapsed()));
        for line in lines {
            let _ = writeln!(self.out, "{line}");
        }
        let _ = self.out.flush();
    }
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}
