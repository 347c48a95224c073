//! What the developer sees while a command works; all of it on standard error.

use std::time::Instant;

/// Says what is being done, with the time it took at the end.
pub(crate) struct Step {
    name: String,
    since: Instant,
}

impl Step {
    /// Announces a step.
    pub(crate) fn start(name: impl Into<String>) -> Self {
        let name = name.into();
        eprintln!("  … {name}");
        Self { name, since: Instant::now() }
    }

    /// Says that the step is done.
    pub(crate) fn done(self) {
        eprintln!("  ✓ {} ({:.1} s)", self.name, self.since.elapsed().as_secs_f64());
    }
}

/// Says that something was there already.
pub(crate) fn already(name: &str) {
    eprintln!("  ✓ {name} (nothing to do)");
}

/// A line that must not be overlooked.
pub(crate) fn loud(text: &str) {
    eprintln!("\n  !!! {text}\n");
}
