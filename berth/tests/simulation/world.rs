//! A server, a node and whoever asks, with all that can happen to them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use berth_agent::host::Host;
use berth_core::audit::AuditOutcome;
use berth_core::link::{PullRequest, PullResponse, Report};
use berth_core::{Code, Problems};
use berth_server::app;
use berth_server::clock::Clock as _;
use berth_store::audit::{self, AuditFilter, AuditRecord};
use berth_store::gate::{Refusal, Verdict};
use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::runtime::Runtime;

use crate::clock::SimClock;
use crate::facts::Facts;
use crate::faults::Strike;
use crate::node::Node;
use crate::server::{self, Server, fresh_database};
use crate::turns::{Crowd, Id, Turn, Turns};
use crate::verbs::Order;
use crate::view;

/// What is wrong, for people.
pub(crate) type Wrong = String;

pub(crate) struct World {
    pub(crate) runtime: Rc<Runtime>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) node: Node,
    pub(crate) server: Option<Server>,
    turns: Arc<Turns>,
    crowd: Crowd<Answer>,
    purposes: BTreeMap<Id, Purpose>,
    clients: Vec<Client>,
    /// What the answered requests make one expect.
    pub(crate) facts: Facts,
    /// What was expected after each request since the clients of now began.
    history: Vec<Facts>,
    /// The end of the audit log as it was last read.
    seen: i64,
    /// The requests that it holds.
    written: BTreeSet<String>,
    lives: StdRng,
    sent: u64,
    /// Everything that happened, for a run that fails.
    pub(crate) steps: Rc<RefCell<Vec<String>>>,
    dir: tempfile::TempDir,
}

/// Somebody who wants something done, and repeats it until there is an answer if repeating it is safe.
struct Client {
    order: Rc<Order>,
    key: Option<String>,
    /// The requests that they have sent.
    requests: Vec<String>,
    state: Asking,
    /// The database was made to refuse something meanwhile.
    disturbed: bool,
    /// Where in the history they began.
    began: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    Under(Id),
    /// The server died before it answered.
    Unanswered,
    Over,
}

#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Purpose {
    Client(usize),
    Pull,
    /// What was taken out of the outbox for it.
    Report(Report),
}

/// What comes back from the server.
pub(crate) enum Answer {
    Verb(Result<(), Problems>),
    Pulled(PullRequest, Result<PullResponse, Problems>),
    Reported(Report, Result<(), Problems>),
}

/// What is on the disks of a server and a node.
pub(crate) struct Image {
    dir: tempfile::TempDir,
    pub(crate) facts: Facts,
    now: DateTime<Utc>,
}

/// A directory in memory, since thousands of them are made and every file in them is synced.
fn directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("berth-sim-").tempdir_in("/dev/shm").unwrap()
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&source, &target);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&source).unwrap(), &target).unwrap();
        } else {
            std::fs::copy(&source, &target).unwrap();
        }
    }
}

/// Requests that run side by side at most: each may hold a connection that reads, and there are four.
const SIDE_BY_SIDE: usize = 4;

impl World {
    /// A node on which nothing has been done yet, and a server after `berth setup`.
    pub(crate) fn new(runtime: &Rc<Runtime>, seed: u64) -> Self {
        let dir = directory();
        #[expect(
            clippy::disallowed_methods,
            reason = "nobody else sees this file, and no crash concerns it"
        )]
        std::fs::write(dir.path().join("berth.db"), fresh_database()).unwrap();
        let mut world = Self::on(runtime, dir, seed);
        world.boot_server();
        world.facts = world.view();
        world.seen = world.audit_head().0;
        world
    }

    fn on(runtime: &Rc<Runtime>, dir: tempfile::TempDir, seed: u64) -> Self {
        let clock = Arc::new(SimClock::new());
        let turns = Arc::new(Turns::default());
        Self {
            runtime: Rc::clone(runtime),
            node: Node::new(dir.path(), Arc::clone(&clock)),
            clock,
            server: None,
            crowd: Crowd::new(Arc::clone(&turns)),
            turns,
            purposes: BTreeMap::new(),
            clients: Vec::new(),
            facts: Facts::default(),
            history: Vec::new(),
            seen: 0,
            written: BTreeSet::new(),
            lives: StdRng::seed_from_u64(seed ^ 0x5eed),
            sent: 0,
            steps: Rc::default(),
            dir,
        }
    }

    /// Ends everything that lives and keeps what is on disk.
    pub(crate) fn save(mut self) -> Image {
        self.kill_server(None);
        self.node.agent = None;
        let dir = directory();
        copy(self.dir.path(), dir.path());
        Image { dir, facts: self.facts.clone(), now: self.clock.now() }
    }

    /// A world with a server, as it was kept.
    pub(crate) fn load(runtime: &Rc<Runtime>, image: &Image) -> Self {
        let dir = directory();
        copy(image.dir.path(), dir.path());
        let mut world = Self::on(runtime, dir, 1);
        world.clock.set(image.now);
        world.boot_server();
        world.facts = image.facts.clone();
        world.seen = world.audit_head().0;
        world
    }

    pub(crate) fn note(&self, step: impl Into<String>) {
        self.steps.borrow_mut().push(step.into());
    }

    fn database(&self) -> PathBuf {
        self.dir.path().join("berth.db")
    }

    // The server.

    pub(crate) fn boot_server(&mut self) {
        if self.server.is_some() {
            return;
        }
        let mut life = [0; 32];
        self.lives.fill_bytes(&mut life);
        let clock = Arc::clone(&self.clock);
        let file = self.database();
        self.server = Some(self.runtime.block_on(Server::boot(&file, clock, life, &self.turns)));
    }

    /// The database as another process has it open.
    pub(crate) async fn another_process(&self) -> berth_store::Store {
        server::open(&self.database()).await
    }

    /// The server dies. What it had begun is gone, and nobody who waits gets an answer; one request may be in
    /// the middle of a step.
    pub(crate) fn kill_server(&mut self, in_the_middle: Option<Id>) {
        if self.server.is_none() {
            return;
        }
        self.note("the server dies");
        let runtime = Rc::clone(&self.runtime);
        if let Some(id) = in_the_middle {
            self.leave(id);
        }
        let Some(server) = self.server.take() else { return };
        let _inside = runtime.enter();
        for id in self.crowd_ids() {
            self.crowd.drop(id);
            self.gone(id);
        }
        let Server { app, store, .. } = server;
        drop(app);
        runtime.block_on(store.close());
    }

    fn crowd_ids(&self) -> Vec<Id> {
        self.purposes.keys().copied().collect()
    }

    /// A request that gets no answer any more.
    fn gone(&mut self, id: Id) {
        match self.purposes.remove(&id) {
            Some(Purpose::Client(client)) => {
                self.clients[client].state = Asking::Unanswered;
            }
            Some(Purpose::Report(report)) => {
                self.node.alive(|agent| agent.link.outbox.put_back(report));
            }
            Some(Purpose::Pull) | None => {}
        }
    }

    // Requests.

    /// Somebody begins to ask for something.
    pub(crate) fn ask(&mut self, order: Order, key: Option<String>) {
        let client = Client {
            order: Rc::new(order),
            key,
            requests: Vec::new(),
            state: Asking::Unanswered,
            disturbed: false,
            began: self.history.len(),
        };
        self.note(format!(
            "asked: {}{}",
            client.order.what,
            client.key.as_ref().map_or("", |_| " (with a key)")
        ));
        self.clients.push(client);
        self.send(self.clients.len() - 1);
    }

    fn send(&mut self, client: usize) {
        let Some(server) = &self.server else { return };
        let mut ctx = server.request();
        let of = &mut self.clients[client];
        ctx.idempotency_key.clone_from(&of.key);
        of.requests.push(ctx.request.to_string());
        let order = Rc::clone(&of.order);
        let id = self.crowd.join(Box::pin(async move { Answer::Verb((order.give)(ctx).await) }));
        of.state = Asking::Under(id);
        self.purposes.insert(id, Purpose::Client(client));
    }

    /// Those who have got no answer ask again, if they can do so safely.
    pub(crate) fn repeat(&mut self) -> bool {
        let again: Vec<usize> = (0..self.clients.len())
            .filter(|index| self.clients[*index].state == Asking::Unanswered)
            .collect();
        let mut any = false;
        for index in again {
            if self.clients[index].key.is_none() && !self.clients[index].order.repeatable {
                self.clients[index].state = Asking::Over;
            } else if self.purposes.len() < SIDE_BY_SIDE && self.server.is_some() {
                self.note(format!("asked again: {}", self.clients[index].order.what));
                self.send(index);
                any = true;
            }
        }
        any
    }

    pub(crate) fn has_room(&self) -> bool {
        self.purposes.len() < SIDE_BY_SIDE
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.crowd.is_empty()
    }

    /// The requests that could take a step.
    pub(crate) fn ready(&self) -> Vec<Id> {
        self.crowd.ready()
    }

    /// Lets a request go on to its next step, or refuses it the step.
    pub(crate) fn go(&mut self, id: Id, verdict: Verdict) -> Result<(), Wrong> {
        if let (Err(refusal), Some(step)) = (verdict, self.crowd.step(id)) {
            self.note(format!("the database refuses {step:?}: {refusal:?}"));
            if let Some(Purpose::Client(client)) = self.purposes.get(&id) {
                self.clients[*client].disturbed |= refusal != Refusal::Locked;
            }
        }
        let runtime = Rc::clone(&self.runtime);
        match runtime.block_on(self.crowd.go(id, verdict)) {
            Turn::Waits => Ok(()),
            Turn::Answered(answer) => self.answered(id, answer),
        }
    }

    /// The one who waits for a request goes away.
    pub(crate) fn abandon(&mut self, id: Id) {
        self.note("somebody does not wait for the answer");
        self.leave(id);
    }

    /// A request ends in the middle of a step. How far it comes beyond the step is a matter of threads, and
    /// must not show: so time and randomness are as if it had not.
    fn leave(&mut self, id: Id) {
        let randomness = self.server.as_ref().map(|server| Arc::clone(&server.randomness));
        let before = (self.clock.peek(), randomness.as_ref().map(|randomness| randomness.drawn()));
        let runtime = Rc::clone(&self.runtime);
        runtime.block_on(self.crowd.abandon(id));
        self.clock.set(before.0);
        if let (Some(randomness), Some(drawn)) = (randomness, before.1) {
            randomness.set_back(drawn);
        }
        self.gone(id);
    }

    /// Lets everybody go on until nobody is left.
    pub(crate) fn finish(&mut self) -> Result<(), Wrong> {
        while let Some(id) = self.ready().first().copied() {
            self.go(id, Ok(()))?;
        }
        if self.is_busy() { Err("requests wait for each other".to_owned()) } else { Ok(()) }
    }

    fn answered(&mut self, id: Id, answer: Answer) -> Result<(), Wrong> {
        let purpose = self.purposes.remove(&id);
        match (purpose, answer) {
            (Some(Purpose::Client(client)), Answer::Verb(answer)) => self.client_answered(client, answer),
            (_, Answer::Pulled(request, Ok(news))) => {
                self.node.alive(|agent| {
                    // A ledger that can't be written is asked for again.
                    drop(agent.link.take_in(&request, news));
                });
                Ok(())
            }
            (_, Answer::Reported(report, Ok(()))) => {
                self.node.alive(|agent| drop(agent.link.outbox.confirmed(&mut agent.ledger(), report)));
                Ok(())
            }
            (_, Answer::Reported(report, Err(_))) => {
                self.node.alive(|agent| agent.link.outbox.put_back(report));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn client_answered(&mut self, client: usize, answer: Result<(), Problems>) -> Result<(), Wrong> {
        self.clients[client].state = Asking::Over;
        self.learn()?;
        let of = &self.clients[client];
        match answer {
            Ok(()) => {
                let written = of.requests.iter().any(|request| self.written.contains(request));
                let visible = self.history[of.began..]
                    .iter()
                    .chain([&self.facts])
                    .any(|facts| (of.order.visible)(facts));
                self.note(format!("done: {}", self.clients[client].order.what));
                if written || visible {
                    return Ok(());
                }
                Err(format!("answered as done and not to be found: {}", self.clients[client].order.what))
            }
            Err(problems) => {
                let codes: Vec<Code> = problems.iter().map(|problem| problem.code).collect();
                self.note(format!("refused: {}: {codes:?}", of.order.what));
                let inside = codes.iter().any(|code| matches!(code, Code::Internal));
                if inside && !of.disturbed {
                    return Err(format!("an internal error without a reason: {}", of.order.what));
                }
                let unsure = codes.iter().any(|code| matches!(code, Code::Internal | Code::Unavailable));
                if unsure {
                    self.clients[client].state = Asking::Unanswered;
                }
                Ok(())
            }
        }
    }

    // What is known.

    /// What has been added to the audit log, oldest first.
    fn news(&self) -> Vec<AuditRecord> {
        let Some(server) = &self.server else { return Vec::new() };
        let mut news = Vec::new();
        let mut cursor = None;
        self.runtime.block_on(async {
            let mut tx = server.store.read().await.unwrap();
            loop {
                let filter = AuditFilter::default();
                let page = audit::page(&mut tx, &filter, cursor.as_deref(), 8).await.unwrap();
                news.extend(page.items.into_iter().filter(|record| record.sequence > self.seen));
                cursor = page.next;
                if cursor.is_none() || news.last().is_some_and(|last| last.sequence <= self.seen + 1) {
                    return;
                }
            }
        });
        news.reverse();
        news
    }

    /// Place and hash of the last entry of the audit log. The hash depends on everything before it: who did
    /// what, when and in which request.
    pub(crate) fn audit_head(&self) -> (i64, String) {
        let server = self.server.as_ref().unwrap();
        self.runtime.block_on(async {
            let mut tx = server.store.read().await.unwrap();
            audit::head(&mut tx).await.unwrap()
        })
    }

    /// Reads what has been done since, and expects its consequences.
    pub(crate) fn learn(&mut self) -> Result<(), Wrong> {
        for record in self.news() {
            self.seen = record.sequence;
            self.written.insert(record.entry.request.clone());
            if record.entry.outcome != AuditOutcome::Done {
                continue;
            }
            let of = self.clients.iter().find(|client| client.requests.contains(&record.entry.request));
            let Some(client) = of else {
                return Err(format!("nobody has asked for what is in the audit log: {:?}", record.entry));
            };
            let before = self.facts.clone();
            (client.order.apply)(&mut self.facts, &record.entry)
                .map_err(|wrong| format!("{} was done although {wrong}", client.order.what))?;
            self.history.push(before);
        }
        Ok(())
    }

    /// What the database holds.
    pub(crate) fn view(&self) -> Facts {
        let server = self.server.as_ref().unwrap();
        self.runtime.block_on(view::read(&server.store))
    }

    // The line between agent and server.

    /// The agent asks for what is new.
    pub(crate) fn pull(&mut self) -> Option<Id> {
        let server = self.server.as_ref()?;
        let mut request = self.node.agent.as_ref()?.link.question();
        request.wait_ms = 0;
        let (app, node) = (Arc::clone(&server.app), server.node);
        let id = self.crowd.join(Box::pin(async move {
            let answer = app::pull(&app, &node, request.clone()).await;
            Answer::Pulled(request, answer)
        }));
        self.purposes.insert(id, Purpose::Pull);
        Some(id)
    }

    /// The server answers now what the agent takes in at a step of the pass that it is about to make.
    pub(crate) fn news_at(&mut self, step: u64) -> Result<(), Wrong> {
        let Some(id) = self.pull() else { return Ok(()) };
        self.purposes.remove(&id);
        loop {
            let runtime = Rc::clone(&self.runtime);
            if !self.ready().contains(&id) {
                // Somebody writes, and the agent was not seen for a while; then this is for later.
                let _inside = runtime.enter();
                self.crowd.drop(id);
                return Ok(());
            }
            if let Turn::Answered(answer) = runtime.block_on(self.crowd.go(id, Ok(()))) {
                let (Answer::Pulled(request, Ok(news)), Some(agent)) = (answer, &self.node.agent) else {
                    return Err("the server does not answer its agent".to_owned());
                };
                let link = agent.link.clone();
                self.node.faults.bring(move || drop(link.take_in(&request, news)));
                self.node.faults.arm(step, Strike::News);
                return Ok(());
            }
        }
    }

    /// The agent reports, if there is something to report.
    pub(crate) fn report(&mut self) -> Option<Id> {
        let server = self.server.as_ref()?;
        let report = self.node.agent.as_ref()?.link.outbox.take()?;
        let (app, node) = (Arc::clone(&server.app), server.node);
        let (sent, kept) = (report.clone(), report.clone());
        let id = self.crowd.join(Box::pin(async move {
            let answer = app::report(&app, &node, sent).await;
            Answer::Reported(report, answer)
        }));
        // That an audit has ended is said each time.
        if (Report { audited: None, ..kept.clone() }) != Report::default() {
            self.sent += 1;
        }
        self.purposes.insert(id, Purpose::Report(kept));
        Some(id)
    }

    /// The agent dies, and its connections with it.
    pub(crate) fn agent_died(&mut self) {
        self.note("the agent dies");
        self.node.agent = None;
        let runtime = Rc::clone(&self.runtime);
        let _inside = runtime.enter();
        let links: Vec<Id> = self
            .purposes
            .iter()
            .filter(|(_, purpose)| matches!(purpose, Purpose::Pull | Purpose::Report(_)))
            .map(|(id, _)| *id)
            .collect();
        for id in links {
            self.crowd.drop(id);
            self.purposes.remove(&id);
        }
    }

    /// How far the agent's ledger is.
    pub(crate) fn cursor(&self) -> u64 {
        self.node.agent.as_ref().map_or(0, |agent| agent.ledger().cursor())
    }

    /// How many reports with news the server has been sent.
    pub(crate) const fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether the agent talks to the server at this moment.
    pub(crate) fn is_talking(&self) -> bool {
        self.purposes.values().any(|purpose| matches!(purpose, Purpose::Pull | Purpose::Report(_)))
    }

    /// Whether anything on the host has changed or been asked for since the count was last this.
    pub(crate) fn changes(&self) -> u64 {
        self.node.tree.changes()
    }

    pub(crate) fn read(&self, path: &str) -> Option<String> {
        self.node.tree.read(path).unwrap().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Connections go back to their pool inside a runtime only.
        let runtime = Rc::clone(&self.runtime);
        {
            let _inside = runtime.enter();
            for id in self.crowd_ids() {
                self.crowd.drop(id);
            }
        }
        if let Some(server) = self.server.take() {
            drop(server.app);
            runtime.block_on(server.store.close());
        }
    }
}
