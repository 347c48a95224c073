//! The limits of a slice as the kernel's files have them.

use std::fmt;

use berth_core::account::Uid;
use berth_core::layout;

use crate::host::systemd::SliceLimits;
use crate::host::{Host, Result};

/// The control group of a tenant's slice.
pub(super) fn group(uid: Uid) -> String {
    format!("/sys/fs/cgroup/user.slice/{}", layout::slice(uid))
}

/// Limits; `None` is none, or one that the kernel does not know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Values {
    /// Microseconds of computing per second.
    pub(super) cpu: Option<u64>,
    pub(super) memory_high: Option<u64>,
    pub(super) memory_max: Option<u64>,
    pub(super) tasks: Option<u64>,
    pub(super) read: Option<u64>,
    pub(super) write: Option<u64>,
}

impl Values {
    /// What the kernel says of a tenant's slice.
    pub(super) fn read(host: &dyn Host, uid: Uid) -> Result<Self> {
        let group = group(uid);
        let mut texts = Vec::new();
        for file in ["cpu.max", "memory.high", "memory.max", "pids.max", "io.max"] {
            if let Some(bytes) = host.read(&format!("{group}/{file}"))? {
                texts.push((file, String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
        Ok(Self::parse(|name| texts.iter().find(|(file, _)| *file == name).map(|(_, text)| text.as_str())))
    }

    /// Reads the texts of the files.
    pub(super) fn parse<'a>(text: impl Fn(&str) -> Option<&'a str>) -> Self {
        let number = |file: &str| text(file)?.trim().parse().ok();
        let (read, write) = text("io.max").map(rates).unwrap_or_default();
        Self {
            cpu: text("cpu.max").and_then(share),
            memory_high: number("memory.high"),
            memory_max: number("memory.max"),
            tasks: number("pids.max"),
            read,
            write,
        }
    }

    /// The values that would be right.
    pub(super) const fn wanted(limits: &SliceLimits) -> Self {
        Self {
            cpu: limits.cpu,
            memory_high: limits.memory_high,
            memory_max: limits.memory_max,
            tasks: limits.tasks,
            read: limits.io,
            write: limits.io,
        }
    }

    /// Whether these are the wanted ones, but for those of missing controllers.
    pub(super) fn agree_with(&self, limits: &SliceLimits, missing: &[&str]) -> bool {
        let wanted = Self::wanted(limits);
        let counts = |controller: &str| !missing.contains(&controller);
        (!counts("cpu") || self.cpu == wanted.cpu)
            && (!counts("memory")
                || self.memory_high == wanted.memory_high && self.memory_max == wanted.memory_max)
            && (!counts("pids") || self.tasks == wanted.tasks)
            && (!counts("io") || self.read == wanted.read && self.write == wanted.write)
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (name, value) in [
            ("cpu", self.cpu),
            ("memory.high", self.memory_high),
            ("memory.max", self.memory_max),
            ("tasks", self.tasks),
            ("read", self.read),
            ("write", self.write),
        ] {
            f.write_str(if first { "" } else { " " })?;
            first = false;
            match value {
                Some(value) => write!(f, "{name}={value}")?,
                None => write!(f, "{name}=max")?,
            }
        }
        Ok(())
    }
}

/// `cpu.max`: microseconds in a period of microseconds, or `max`.
fn share(text: &str) -> Option<u64> {
    let mut words = text.split_whitespace();
    let quota: u128 = words.next()?.parse().ok()?;
    let period: u128 = words.next()?.parse().ok().filter(|period| *period > 0)?;
    u64::try_from(quota * 1_000_000 / period).ok()
}

/// `io.max`: one line per device. There is one device of the homes; of several the strictest counts.
fn rates(text: &str) -> (Option<u64>, Option<u64>) {
    let least = |name: &str| {
        let of_line = |line: &str| {
            line.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse::<u64>().ok())
        };
        text.lines().filter_map(of_line).min()
    };
    (least("rbps="), least("wbps="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_words() {
        let files = [
            ("cpu.max", "150000 100000\n"),
            ("memory.high", "max\n"),
            ("memory.max", "1073741824\n"),
            ("pids.max", "200\n"),
            ("io.max", "259:0 rbps=52428800 wbps=max riops=max wiops=max\n"),
        ];
        let text = |name: &str| files.iter().find(|(file, _)| *file == name).map(|(_, text)| *text);
        let values = Values::parse(text);
        assert_eq!(
            values.to_string(),
            "cpu=1500000 memory.high=max memory.max=1073741824 tasks=200 read=52428800 write=max"
        );
        assert_eq!(Values::parse(|_| None), Values::default());
        assert_eq!(share("max 100000"), None);
        assert_eq!(share("1 0"), None);
    }
}
