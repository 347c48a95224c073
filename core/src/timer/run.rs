//! What became of a run, as the run itself writes it down as the tenant. Whoever reads it believes nothing
//! but its form: a tenant may forge runs of their own.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TimerName;
use crate::{Code, Parse, Problem};

/// How much of a run's output is kept, in bytes: the end of it.
pub const OUTPUT_MAX: usize = 64 * 1024;

/// Longest record in the spool: a line that says how it went, then the output.
pub const RECORD_MAX: usize = OUTPUT_MAX + 1024;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", content = "number", rename_all = "snake_case")]
pub enum RunOutcome {
    /// The command ended with this status; 0 is success.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
    /// It took longer than the timer's timeout and was ended.
    TimedOut,
    /// It could not be started.
    NotStarted,
}

impl RunOutcome {
    /// Whether it did what it was to do.
    pub const fn succeeded(self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

impl std::fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(0) => f.write_str("succeeded"),
            Self::Exited(status) => write!(f, "failed with status {status}"),
            Self::Signalled(signal) => write!(f, "ended by signal {signal}"),
            Self::TimedOut => f.write_str("took too long"),
            Self::NotStarted => f.write_str("could not be started"),
        }
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// When it began, in whole microseconds.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How.
    pub outcome: RunOutcome,
    /// Whether the output's beginning is missing.
    pub truncated: bool,
    /// What it said on both its outputs: the end of it.
    #[serde(default, skip)]
    pub output: String,
}

impl RunRecord {
    /// The record as it lies in the spool; `output` is what the command said, whatever bytes that were.
    pub fn render(&self, output: &[u8]) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend_from_slice(output);
        bytes
    }

    /// Reads a record from the spool.
    ///
    /// # Errors
    /// It is none.
    pub fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let invalid = |detail: String| Problem::new(Code::ValueInvalid, detail);
        if bytes.len() > RECORD_MAX {
            return Err(invalid(format!("the record is longer than {RECORD_MAX} bytes")));
        }
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (head, rest) = bytes.split_at(end);
        let mut record: Self =
            serde_json::from_slice(head).map_err(|error| invalid(format!("not a record: {error}")))?;
        record.output = readable(rest.get(1..).unwrap_or_default());
        Ok(record)
    }
}

/// Any bytes as text that a terminal, a database and a page can show: without control characters but tabs and
/// line breaks.
pub fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars()
        .filter(|c| *c != '\r')
        .map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c })
        .collect()
}

/// Name of a record's file in the spool.
pub fn run_file(timer: &TimerName, started_at: DateTime<Utc>) -> String {
    format!("{timer}.{}.run", started_at.timestamp_micros())
}

/// The timer that a file in the spool is a record of; `None` if it is none.
pub fn timer_of_run_file(file: &str) -> Option<(TimerName, i64)> {
    let (timer, micros) = file.strip_suffix(".run")?.split_once('.')?;
    let fits = micros.len() <= 18 && micros.bytes().all(|byte| byte.is_ascii_digit());
    if !fits {
        return None;
    }
    Some((TimerName::parse(timer).ok()?, micros.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> RunRecord {
        let started_at = DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap();
        RunRecord {
            started_at,
            ended_at: started_at,
            outcome: RunOutcome::Exited(3),
            truncated: false,
            output: String::new(),
        }
    }

    #[test]
    fn a_record_survives_the_spool() {
        let read = RunRecord::read(&record().render(b"{\"x\":1}\nb\r\n\0\x1b[31m\xff")).unwrap();
        assert_eq!(read.output, "{\"x\":1}\nb\n\u{fffd}\u{fffd}[31m\u{fffd}");
        assert_eq!(RunRecord { output: String::new(), ..read }, record());
        assert_eq!(RunRecord::read(&record().render(b"")).unwrap(), record());
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let long = vec![b'x'; RECORD_MAX + 1];
        let unknown = String::from_utf8(record().render(b"")).unwrap().replacen('{', "{\"timer\":\"x\",", 1);
        for bad in [&b""[..], b"{}", b"\n", b"null\n", &long, unknown.as_bytes()] {
            assert!(RunRecord::read(bad).is_err());
        }
    }

    #[test]
    fn file_names() {
        let timer = TimerName::parse("a-b").unwrap();
        let file = run_file(&timer, record().started_at);
        assert_eq!(file, "a-b.1800000000123456.run");
        assert_eq!(timer_of_run_file(&file), Some((timer, 1_800_000_000_123_456)));
        for bad in ["a.run", "a.x.run", "a.-1.run", "a.1", ".1.run", "../a.1.run", "a.1.2.run", "A.1.run"] {
            assert_eq!(timer_of_run_file(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = RunRecord::read(&bytes);
            let text = readable(&bytes);
            let clean = !text.contains(['\0', '\u{1b}', '\r']);
            prop_assert!(clean);
        }
    }
}
