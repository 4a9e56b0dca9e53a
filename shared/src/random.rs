//! Randomness as an argument.

use aws_lc_rs::rand::SecureRandom as _;

/// A source of unpredictable bytes.
pub trait Random: Send + Sync {
    /// Overwrites the whole of `buffer`.
    fn fill(&self, buffer: &mut [u8]);
}

impl dyn Random + '_ {
    /// `N` fresh bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buffer = [0; N];
        self.fill(&mut buffer);
        buffer
    }
}

/// AWS-LC's generator, seeded by the operating system. Its first use costs tens of milliseconds (jitter entropy), so
/// the program draws once before it opens a listener.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        // AWS-LC aborts the process rather than hand out predictable bytes; this `expect` is its documented other half.
        aws_lc_rs::rand::SystemRandom::new().fill(buffer).expect("the random generator of AWS-LC does not fail");
    }
}
