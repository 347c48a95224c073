//! Randomness as a parameter, so that tests are repeatable and the source of secrets is named once.

use std::sync::{Mutex, PoisonError};

use rand::rngs::{StdRng, SysError, SysRng};
use rand::{Rng, SeedableRng, TryRng};

/// Fills buffers with bytes that nobody can foresee.
pub trait Randomness: Send + Sync {
    /// Overwrites every byte.
    fn fill(&self, bytes: &mut [u8]);

    /// Ten bytes, which is what an id takes.
    fn ten(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        self.fill(&mut bytes);
        bytes
    }
}

/// A cryptographic generator that was seeded by the operating system.
pub struct SystemRandomness(Mutex<StdRng>);

impl SystemRandomness {
    /// Seeds the generator. Failing here, at the start, means that no request can fail for want of entropy.
    ///
    /// # Errors
    /// If the operating system has no randomness to give.
    pub fn new() -> Result<Self, SysError> {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed)?;
        Ok(Self::from_seed(seed))
    }

    /// The same bytes for the same seed: for tests.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Mutex::new(StdRng::from_seed(seed)))
    }
}

impl std::fmt::Debug for SystemRandomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SystemRandomness(…)")
    }
}

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        // A generator has no invariant that a panicking holder of the lock could have broken.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_and_the_system_differs() {
        let seeded = |seed| SystemRandomness::from_seed([seed; 32]).ten();
        assert_eq!(seeded(1), seeded(1));
        assert_ne!(seeded(1), seeded(2));
        assert_ne!(SystemRandomness::new().unwrap().ten(), SystemRandomness::new().unwrap().ten());
    }
}
