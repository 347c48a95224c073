//! The end of a site's log.
//!
//! Root owns every directory above the logs, the process that writes them owns their own; neither is a
//! tenant's, and the host follows no link anywhere.

use berth_core::Problem;
use berth_core::inquiry::Found;
use berth_core::layout;
use berth_core::log::{LineCount, LogFilter, LogKind, rotated_name};
use berth_core::name::{Fqdn, Username};

use crate::host::Host;

/// Most bytes of an answer; what is older is left out.
const ANSWER_MAX: usize = 256 * 1024;

/// Which log.
pub(super) struct Log<'a> {
    pub(super) username: &'a Username,
    pub(super) fqdn: &'a Fqdn,
    pub(super) kind: LogKind,
}

/// The last lines that contain a text. A log that was never written to has none.
pub(super) fn tail(
    host: &dyn Host,
    log: &Log<'_>,
    count: LineCount,
    filter: Option<&LogFilter>,
) -> Result<Found, Problem> {
    let dir = layout::site_logs(log.username, log.fqdn);
    let name = log.kind.file_name();
    let mut newest_first = Newest { lines: Vec::new(), bytes: 0, more: false, most: count.get() as usize };
    for file in [name.to_owned(), rotated_name(name)] {
        let bytes = host.read(&format!("{dir}/{file}"))?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        for line in text.lines().rev().filter(|line| filter.is_none_or(|filter| filter.matches(line))) {
            if !newest_first.take(line) {
                break;
            }
        }
        if newest_first.more {
            break;
        }
    }
    let Newest { mut lines, more, .. } = newest_first;
    lines.reverse();
    Ok(Found::Log { lines, more })
}

struct Newest {
    lines: Vec<String>,
    bytes: usize,
    more: bool,
    most: usize,
}

impl Newest {
    /// Takes one more line, if it fits.
    fn take(&mut self, line: &str) -> bool {
        if self.lines.len() == self.most || self.bytes + line.len() > ANSWER_MAX {
            self.more = true;
            return false;
        }
        self.bytes += line.len();
        self.lines.push(line.to_owned());
        true
    }
}

#[cfg(test)]
mod tests {
    use berth_core::Parse;

    use super::*;
    use crate::host::Owner;
    use crate::host::tree::TreeHost;

    #[test]
    fn the_end_of_a_log_across_its_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let host = TreeHost::open(dir.path()).unwrap();
        let (username, fqdn) = (Username::parse("alice").unwrap(), Fqdn::parse("alicesite.com").unwrap());
        let log = Log { username: &username, fqdn: &fqdn, kind: LogKind::Access };
        let ask = |count: u32, filter: Option<&str>| {
            let filter = filter.map(|text| LogFilter::parse(text).unwrap());
            let Found::Log { lines, more } =
                tail(&host, &log, LineCount::try_from(count).unwrap(), filter.as_ref()).unwrap()
            else {
                panic!("something else was found")
            };
            (lines, more)
        };
        assert_eq!(ask(10, None), (Vec::new(), false));
        let file = format!("{}/access.log", layout::site_logs(&username, &fqdn));
        host.replace_file(&file, b"three\nfour GET\n", Owner::ROOT, 0o640).unwrap();
        host.replace_file(&format!("{file}.1"), b"one GET\ntwo\n", Owner::ROOT, 0o640).unwrap();
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(ask(10, None), (owned(&["one GET", "two", "three", "four GET"]), false));
        assert_eq!(ask(3, None), (owned(&["two", "three", "four GET"]), true));
        assert_eq!(ask(10, Some("get")), (owned(&["one GET", "four GET"]), false));
        host.replace_file(&file, &b"x".repeat(300_000), Owner::ROOT, 0o640).unwrap();
        assert_eq!(ask(1, None), (Vec::new(), true), "an answer is bounded, whatever is in the log");
    }
}
