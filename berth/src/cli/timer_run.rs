//! `berth timer-run`, which units start and people don't.

use berth_core::timer::TimerName;
use clap::Args;

use crate::failure::Failure;
use crate::timer_run;

#[derive(Debug, Args)]
pub(crate) struct TimerRunArgs {
    /// The timer's name
    timer: TimerName,
}

impl TimerRunArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        timer_run::run(&self.timer)
    }
}
