//! The node: a host whose state survives everything, and an agent that may die and come back.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use berth_agent::Worker;
use berth_agent::host::Host;
use berth_agent::host::faulty::{FaultyHost, Killed};
use berth_agent::host::tree::TreeHost;
use berth_agent::ledger::Ledger;
use berth_agent::link::{Client, Link, Outbox};
use berth_agent::php::{Activator, ActivatorSettings};
use berth_agent::reconcile::{Lanes, Reconciler, Work};
use berth_agent::resource::slice::Slice;
use berth_agent::timers::Scheduler;
use tokio::runtime::Runtime;

use crate::clock::SimClock;
use crate::faults::Faults;

pub(crate) struct Node {
    dir: PathBuf,
    /// The host as it really is.
    pub(crate) tree: Arc<TreeHost>,
    pub(crate) faults: Arc<Faults>,
    clock: Arc<SimClock>,
    pub(crate) agent: Option<Agent>,
    /// The agent's own time, which does not jump.
    pub(crate) now: Instant,
}

/// One life of the agent.
pub(crate) struct Agent {
    worker: Worker,
    pub(crate) link: Link,
    /// Where the tasks that wait for PHP's requests would run, if there were any.
    runtime: Option<Runtime>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Node {
    pub(crate) fn new(dir: &Path, clock: Arc<SimClock>) -> Self {
        let tree = Arc::new(TreeHost::open(&dir.join("tree")).unwrap());
        Self { dir: dir.to_owned(), tree, faults: Arc::default(), clock, agent: None, now: Instant::now() }
    }

    /// Starts an agent as a fresh process starts: with its ledger and nothing else.
    pub(crate) fn boot(&mut self) {
        let faults = Arc::clone(&self.faults);
        let host: Arc<dyn Host> =
            Arc::new(FaultyHost::new(Arc::clone(&self.tree) as Arc<dyn Host>, move |call| faults.host(call)));
        let faults = Arc::clone(&self.faults);
        let ledger =
            Ledger::open(&self.ledger_dir()).unwrap().asking(Arc::new(move |path| faults.ledger(path)));
        let ledger = Arc::new(Mutex::new(ledger));
        let (lanes, outbox) = (Arc::new(Lanes::default()), Arc::new(Outbox::default()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let activator = {
            let _inside = runtime.enter();
            Activator::start(Arc::clone(&host), ActivatorSettings::default())
        };
        let reconciler = Reconciler::new(
            Arc::clone(&host),
            Arc::clone(&ledger),
            Arc::clone(&self.clock) as Arc<dyn berth_agent::reconcile::Clock>,
            Arc::new(|| 0.0),
            Vec::new(),
        );
        let scheduler = Scheduler::new(
            Arc::clone(&host),
            Arc::clone(&self.clock) as Arc<dyn berth_agent::reconcile::Clock>,
            Arc::clone(&outbox),
        );
        let reconciler =
            berth_agent::resources(reconciler, activator, scheduler, Slice::default()).one_at_a_time();
        let worker = Worker::new(
            reconciler,
            Arc::clone(&host),
            Arc::clone(&ledger),
            Arc::clone(&lanes),
            Arc::clone(&outbox),
        );
        let link = Link {
            client: Arc::new(Client::new(PathBuf::from("/nowhere"))),
            ledger,
            lanes,
            outbox,
            jitter: Arc::new(|| 0.0),
            host,
        };
        // An agent begins with an audit.
        link.lanes.audit();
        self.agent = Some(Agent { worker, link, runtime: Some(runtime) });
    }

    pub(crate) fn ledger_dir(&self) -> PathBuf {
        self.dir.join("ledger")
    }

    /// Lets the agent do something, which it may not survive. `None` if it died, or if there is none.
    pub(crate) fn alive<T>(&mut self, run: impl FnOnce(&mut Agent) -> T) -> Option<T> {
        let agent = self.agent.as_mut()?;
        match catch_unwind(AssertUnwindSafe(|| run(agent))) {
            Ok(done) => Some(done),
            Err(payload) => {
                // A mistake outside of any resource ends the process; the service manager starts it again.
                let staged = payload.is::<Killed>() || payload.downcast_ref::<&str>() == Some(&"a mistake");
                if !staged {
                    resume_unwind(payload);
                }
                self.agent = None;
                None
            }
        }
    }

    /// One step of the worker: what is there to do, or what is due. `None` if the agent died of it.
    pub(crate) fn work(&mut self) -> Option<()> {
        let now = self.now;
        self.alive(|agent| {
            let work = agent.link.lanes.take(now);
            agent.worker.step(work, now);
        })
    }

    /// Audits everything, to the end.
    pub(crate) fn audit(&mut self) -> Option<()> {
        let now = self.now;
        self.alive(|agent| {
            agent.link.lanes.audit();
            loop {
                let work = agent.link.lanes.take(now);
                if work == Work::default() {
                    return;
                }
                agent.worker.step(work, now);
            }
        })
    }

    /// The last that was written on the host, and the last that its service manager was asked for.
    pub(crate) fn traces(&self) -> (String, String) {
        let last = |file: &str| {
            let text = std::fs::read_to_string(self.dir.join("tree").join(file)).unwrap_or_default();
            text.lines().last().unwrap_or_default().to_owned()
        };
        (last("attributes.jsonl"), last("commands.log"))
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += time;
    }
}

impl Agent {
    pub(crate) fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.link.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
