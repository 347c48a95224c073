//! How long the two main commands took the last time: written down by themselves, read by `bench`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{files, node, paths};

/// What a command found when it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Start {
    /// The node image or the build output had to be made.
    Cold,
    /// Both were there.
    Warm,
    /// The node was running already as well.
    Repeated,
}

impl Start {
    /// The word in the table.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::Repeated => "repeated",
        }
    }
}

/// Seconds by command and start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Durations(BTreeMap<String, BTreeMap<Start, f64>>);

impl Durations {
    /// What has been written down so far.
    pub(crate) fn load() -> Result<Self> {
        let path = path();
        if !path.exists() {
            return Ok(Self::default());
        }
        serde_json::from_str(&files::read(&path)?)
            .with_context(|| format!("{} does not hold durations", path.display()))
    }

    /// Every command with its start and seconds.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Start, f64)> {
        self.0.iter().flat_map(|(command, starts)| {
            starts.iter().map(move |(start, seconds)| (command.as_str(), *start, *seconds))
        })
    }

    fn set(&mut self, command: &str, start: Start, seconds: f64) {
        self.0.entry(command.to_owned()).or_default().insert(start, seconds);
    }
}

/// Runs from the start of a command to its end.
pub(crate) struct Stopwatch {
    command: &'static str,
    start: Start,
    since: Instant,
}

impl Stopwatch {
    /// Looks at what is there and starts.
    pub(crate) fn start(command: &'static str) -> Self {
        let all_there = node::image_exists() && paths::built().join("berth").exists();
        let start = if all_there { Start::Warm } else { Start::Cold };
        Self { command, start, since: Instant::now() }
    }

    /// The node was running already, so that only a cold start tells something about making it.
    pub(crate) fn found_running(&mut self) {
        if self.start == Start::Warm {
            self.start = Start::Repeated;
        }
    }

    /// Writes the time down.
    pub(crate) fn stop(self) -> Result<()> {
        let seconds = self.since.elapsed().as_secs_f64();
        let _lock = files::lock(&paths::cache().join(".durations.lock"))?;
        let mut durations = Durations::load()?;
        durations.set(self.command, self.start, seconds);
        let text = serde_json::to_string_pretty(&durations).context("cannot encode the durations")?;
        files::write(&path(), &text)
    }
}

fn path() -> PathBuf {
    paths::cache().join("durations.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_time_of_each_start_is_kept() {
        let mut durations = Durations::default();
        durations.set("up", Start::Cold, 300.0);
        durations.set("up", Start::Warm, 40.0);
        durations.set("up", Start::Warm, 30.0);
        let text = serde_json::to_string(&durations).unwrap();
        assert_eq!(text, r#"{"up":{"cold":300.0,"warm":30.0}}"#);
        let again: Durations = serde_json::from_str(&text).unwrap();
        let rows: Vec<_> = again.iter().collect();
        assert_eq!(rows, [("up", Start::Cold, 300.0), ("up", Start::Warm, 30.0)]);
    }
}
