//! What goes wrong on the host, and when.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use berth_agent::host::faulty::{Call, Fate, Killed};
use rustix::io::Errno;

/// Something that happens once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strike {
    /// The call or write fails and has no effect.
    Fails(Errno),
    /// The agent dies before it.
    KilledBefore,
    /// The agent dies after it.
    KilledAfter,
    /// The code panics at it.
    Panics,
    /// What the server has answered meanwhile is taken in; see [`Faults::bring`].
    News,
}

/// Something that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing that needs space can be written, in the ledger neither.
    DiskFull,
    /// nginx refuses whatever configuration it is asked about.
    NginxRefuses,
    /// The SSH server refuses its configuration.
    SshdRefuses,
    /// The service manager does not answer.
    NoSystemd,
}

impl Trouble {
    pub(crate) const ALL: [Self; 4] =
        [Self::DiskFull, Self::NginxRefuses, Self::SshdRefuses, Self::NoSystemd];
}

/// Calls that answer as if they had been made, and were not: the operation, and a part of what it is about.
pub(crate) type Lie = (&'static str, &'static str);

/// Decides about each call of the agent to its host and each write to its ledger.
#[derive(Default)]
pub(crate) struct Faults(Mutex<State>);

/// Takes in what the server has answered.
type News = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    steps: u64,
    strike: Option<(u64, Strike)>,
    struck: Option<String>,
    /// What was done, and whether it changed anything, if that is to be written down.
    record: Option<Vec<(String, bool)>>,
    troubles: Vec<Trouble>,
    lie: Option<Lie>,
    news: Option<News>,
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts from here, and strikes at this step.
    pub(crate) fn arm(&self, at: u64, strike: Strike) {
        let mut state = self.state();
        state.steps = 0;
        state.struck = None;
        state.strike = Some((at, strike));
    }

    /// No strike any more; says where it has struck, if it has.
    pub(crate) fn disarm(&self) -> Option<String> {
        let mut state = self.state();
        state.strike = None;
        state.struck.take()
    }

    pub(crate) fn set_troubles(&self, troubles: Vec<Trouble>) {
        self.state().troubles = troubles;
    }

    fn has(&self, trouble: Trouble) -> bool {
        self.state().troubles.contains(&trouble)
    }

    /// What [`Strike::News`] does.
    pub(crate) fn bring(&self, news: impl FnOnce() + Send + 'static) {
        self.state().news = Some(Box::new(news));
    }

    /// Whatever has not been brought in the middle of something is brought now.
    pub(crate) fn take_news(&self) -> Option<News> {
        self.state().news.take()
    }

    /// Has the host lie, for the test that notices.
    pub(crate) fn set_lie(&self, lie: Lie) {
        self.state().lie = Some(lie);
    }

    /// Writes down every step from here on.
    pub(crate) fn record(&self) {
        self.state().record = Some(Vec::new());
    }

    /// The steps since then, and whether each changed something.
    pub(crate) fn recorded(&self) -> Vec<(String, bool)> {
        self.state().record.take().unwrap_or_default()
    }

    /// The strike for the step that is being taken.
    fn next(&self, changes: bool, what: impl Fn() -> String) -> Option<Strike> {
        let mut state = self.state();
        if let Some(record) = &mut state.record {
            record.push((what(), changes));
        }
        let step = state.steps;
        state.steps += 1;
        let (at, strike) = state.strike?;
        if at != step {
            return None;
        }
        state.struck = Some(what());
        Some(strike)
    }

    pub(crate) fn host(&self, call: &Call<'_>) -> Fate {
        const LOOKS: [&str; 11] = [
            "entry",
            "read",
            "list",
            "unit_state",
            "run",
            "lock_account_files",
            "look",
            "table",
            "verdicts",
            "refusals",
            "quota",
        ];
        let changes = !LOOKS.contains(&call.operation);
        match self.next(changes, || format!("{} {}", call.operation, call.object)) {
            Some(Strike::Fails(errno)) => return Fate::Fails(errno),
            Some(Strike::KilledBefore) => return Fate::KilledBefore,
            Some(Strike::KilledAfter) => return Fate::KilledAfter,
            Some(Strike::Panics) => return Fate::Panics,
            Some(Strike::News) => {
                if let Some(news) = self.take_news() {
                    news();
                }
            }
            None => {}
        }
        let lies = |(operation, object): Lie| call.operation == operation && call.object.contains(object);
        if self.state().lie.is_some_and(lies) {
            return Fate::Dropped;
        }
        let refuses = [("/usr/sbin/nginx", Trouble::NginxRefuses), ("/usr/sbin/sshd", Trouble::SshdRefuses)];
        let asked_of_systemd =
            ["unit_state", "reload_unit", "restart_unit", "daemon_reload", "set_linger", "end_sessions"];
        if self.has(Trouble::DiskFull) && call.needs_space() {
            Fate::Fails(Errno::NOSPC)
        } else if refuses.iter().any(|(program, trouble)| call.object == *program && self.has(*trouble)) {
            Fate::Refused
        } else if self.has(Trouble::NoSystemd) && asked_of_systemd.contains(&call.operation) {
            Fate::Fails(Errno::CONNREFUSED)
        } else {
            Fate::Made
        }
    }

    pub(crate) fn ledger(&self, path: &Path) -> io::Result<()> {
        match self.next(true, || format!("write {}", path.file_name().unwrap_or_default().to_string_lossy()))
        {
            Some(Strike::Fails(errno)) => Err(errno.into()),
            // Killed after a write is killed before whatever comes next.
            Some(Strike::KilledBefore | Strike::KilledAfter | Strike::Panics) => Killed::now(),
            // Who holds the ledger to write to it keeps the news waiting.
            None | Some(Strike::News) if self.has(Trouble::DiskFull) => Err(Errno::NOSPC.into()),
            None | Some(Strike::News) => Ok(()),
        }
    }
}
