//! Splits the web server's two logs into those of the sites: `access.log`, `error.log` and `php.log`.
//!
//! The web server writes one file for all sites, because a worker that opened a file per site could be made to
//! wait by a tenant who puts a FIFO in its place. This process has no privileges. It reads what the web server
//! wrote, finds each site by a directory of links that the agent keeps, and writes below directories that are
//! its own and that the tenant may read. It is a crate of its own so that it can't reach the agent's door to
//! the system or the server's database.

mod line;
mod position;
mod sites;
mod source;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use line::Entry;

use line::Read;
use position::Positions;
use sites::Sites;
use source::Source;

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The web server's access log, a JSON object per line.
    pub access: PathBuf,
    /// The web server's error log.
    pub error: PathBuf,
    /// Links from host name to the directory of the site's logs.
    pub tree: PathBuf,
    /// Where this process remembers how far it has read.
    pub state: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        let logs = PathBuf::from(berth_core::layout::LOG_DIR);
        Self {
            access: logs.join("access.log"),
            error: logs.join("error.log"),
            tree: PathBuf::from(berth_core::layout::LOG_TREE),
            state: PathBuf::from("/var/lib/berth/logs/position.json"),
        }
    }
}

/// How long to wait when there is nothing to read. The web server itself holds lines back for a second.
const PAUSE: Duration = Duration::from_millis(500);

/// Both logs, and how far they have been split.
pub struct Splitter {
    sources: [(Source, Read); 2],
    sites: Sites,
    positions: Positions,
}

impl Splitter {
    /// Goes on where the last process ended.
    ///
    /// # Errors
    /// The file with the positions can't be read.
    pub fn open(settings: &Settings) -> io::Result<Self> {
        let positions = Positions::open(&settings.state)?;
        let source = |path: &PathBuf| Source::new(path.clone(), positions.of(path));
        Ok(Self {
            sources: [
                (source(&settings.access), line::access as Read),
                (source(&settings.error), line::error as Read),
            ],
            sites: Sites::new(settings.tree.clone()),
            positions,
        })
    }

    /// Splits until it is told to stop.
    ///
    /// # Errors
    /// The positions can't be stored: going on would write everything once more after a restart.
    pub fn run(mut self, stop: &AtomicBool) -> io::Result<()> {
        while !stop.load(Ordering::Relaxed) {
            if self.step()? == 0 {
                std::thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// Splits one piece of each log; says how many lines there were.
    ///
    /// # Errors
    /// The positions can't be stored.
    pub fn step(&mut self) -> io::Result<usize> {
        let mut count = 0;
        let mut pieces: BTreeMap<Entry, Vec<u8>> = BTreeMap::new();
        for (source, read) in &mut self.sources {
            let lines = match source.next() {
                Ok(lines) => lines,
                Err(error) => {
                    tracing::warn!(file = %source.path().display(), %error, "a log can't be read; trying again");
                    continue;
                }
            };
            for line in lines.split_inclusive(|byte| *byte == b'\n') {
                count += 1;
                // What names no host that could be a site's belongs to nobody.
                if let Some((entry, text)) = read(line) {
                    pieces.entry(entry).or_default().extend_from_slice(text.as_bytes());
                }
            }
        }
        for (entry, text) in &pieces {
            self.sites.append(entry, text);
        }
        if count > 0 {
            let now = self.sources.iter().map(|(source, _)| (source.path().to_owned(), source.position()));
            self.positions.store(now)?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
