//! Everything that is left to chance, from one seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Chance that a seed decides.
pub(crate) struct Dice(StdRng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// From 0 to one below the number.
    pub(crate) fn below(&mut self, number: u64) -> u64 {
        self.0.random_range(0..number.max(1))
    }

    /// True this often in a hundred times.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several; nothing if there is none.
    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let index = usize::try_from(self.below(from.len() as u64)).unwrap();
        from.get(index).cloned()
    }
}
