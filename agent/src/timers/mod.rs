//! Timers that the agent fires itself, because their account has no user manager that would.
//!
//! What is due is known from the specs alone. What was missed while the agent was away, or because the clock
//! was set forward, is made up once; what was missed while the node was off is not.

mod spool;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use berth_core::account::Uid;
use berth_core::id::AccountId;
use berth_core::layout;
use berth_core::name::Username;
use berth_core::timer::{Schedule, TimerName};
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, broadcast};

use crate::host::systemd::TimerUnit;
use crate::host::{Host, Owner, Result};
use crate::link::Outbox;
use crate::reconcile::Clock;

/// Longest pause between two looks at the clock, so that a clock that was set is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// Runs that are started at the same time.
const STARTS: usize = 8;

/// Whose timers they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The account.
    pub account: AccountId,
    /// Its number.
    pub uid: Uid,
    /// Its Unix user.
    pub user: Username,
}

/// Fires timers and takes in the records of runs. A clone is the same scheduler.
#[derive(Clone)]
pub struct Scheduler(Arc<Inner>);

struct Inner {
    host: Arc<dyn Host>,
    clock: Arc<dyn Clock>,
    outbox: Arc<Outbox>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Every account with timers, by number.
    tenants: HashMap<Uid, Tenant>,
    /// The timers that the agent fires.
    due: HashMap<Uid, BTreeMap<TimerName, Due>>,
    queue: BTreeSet<(DateTime<Utc>, Uid, TimerName)>,
    /// The last moment that was looked at; by an earlier agent at first.
    looked_at: Option<DateTime<Utc>>,
}

struct Due {
    schedule: Schedule,
    next: Option<DateTime<Utc>>,
}

impl Scheduler {
    /// A scheduler that does nothing by itself; see [`Scheduler::start`] and [`Scheduler::fire`].
    pub fn new(host: Arc<dyn Host>, clock: Arc<dyn Clock>, outbox: Arc<Outbox>) -> Self {
        Self(Arc::new(Inner { host, clock, outbox, state: Mutex::default(), changed: Notify::new() }))
    }

    /// Begins to fire what is due and to notice the ends of runs. To be called inside a Tokio runtime.
    pub fn start(&self) {
        let forgotten = self.0.host.systemd().forgotten_units();
        tokio::spawn(keep_firing(Arc::downgrade(&self.0)));
        tokio::spawn(listen_for_ends(Arc::downgrade(&self.0), forgotten));
    }

    /// Sets the timers of an account that the agent fires; empty if its user manager does. `resumed` says that
    /// an earlier agent has had the same ones: then what was missed since it looked last is due now.
    pub fn set(&self, tenant: &Tenant, timers: Vec<(TimerName, Schedule)>, resumed: bool) {
        let now = self.0.clock.now();
        let mut state = self.0.state();
        let base = if resumed { self.0.last_look(&mut state, now).min(now) } else { now };
        state.tenants.insert(tenant.uid, tenant.clone());
        let State { due, queue, .. } = &mut *state;
        let known = due.entry(tenant.uid).or_default();
        known.retain(|name, due| {
            let stays = timers.iter().any(|(wanted, schedule)| wanted == name && *schedule == due.schedule);
            if !stays && let Some(next) = due.next {
                queue.remove(&(next, tenant.uid, name.clone()));
            }
            stays
        });
        for (name, schedule) in timers {
            if known.contains_key(&name) {
                continue;
            }
            let next = schedule.next_after(base);
            queue.extend(next.map(|next| (next, tenant.uid, name.clone())));
            known.insert(name, Due { schedule, next });
        }
        if known.is_empty() {
            due.remove(&tenant.uid);
        }
        drop(state);
        self.0.changed.notify_one();
    }

    /// Forgets an account.
    pub fn forget(&self, uid: Uid) {
        let mut state = self.0.state();
        state.tenants.remove(&uid);
        for (name, due) in state.due.remove(&uid).unwrap_or_default() {
            if let Some(next) = due.next {
                state.queue.remove(&(next, uid, name));
            }
        }
    }

    /// Starts what is due by now; says when something will be next.
    pub fn fire(&self) -> Option<DateTime<Utc>> {
        self.0.fire()
    }

    /// Takes in the records that an account's runs have left.
    pub fn collect(&self, tenant: &Tenant) {
        spool::collect(self.0.host.as_ref(), &self.0.outbox, tenant);
    }
}

/// Starts a run in a transient unit of the tenant's slice. While one of the same timer runs, it does nothing.
///
/// # Errors
/// The unit does not start.
pub fn start_run(host: &dyn Host, uid: Uid, user: &Username, timer: &TimerName) -> Result<()> {
    let (name, slice) = (layout::timer_unit(uid, timer), layout::slice(uid));
    let unit = TimerUnit { name: &name, slice: &slice, uid, user: user.as_str(), timer: timer.as_str() };
    match host.systemd().start_transient_timer(&unit) {
        Err(error) if error.source.kind() == ErrorKind::AlreadyExists => {
            tracing::info!(%uid, %timer, "the timer is still running; this run is left out");
            Ok(())
        }
        started => started,
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When this agent, or the one before it, looked last.
    fn last_look(&self, state: &mut State, now: DateTime<Utc>) -> DateTime<Utc> {
        *state.looked_at.get_or_insert_with(|| {
            let stored = self.host.read(layout::TIMERS_FIRED).ok().flatten();
            let known = stored.and_then(|bytes| String::from_utf8(bytes).ok()?.trim().parse().ok());
            if known.is_none() {
                self.note(now);
            }
            known.unwrap_or(now)
        })
    }

    /// Writes down that everything up to this moment has been fired. Before it is: what a crash leaves out is
    /// not run twice.
    fn note(&self, now: DateTime<Utc>) {
        let text = format!("{}\n", now.to_rfc3339());
        if let Err(error) = self.host.replace_file(layout::TIMERS_FIRED, text.as_bytes(), Owner::ROOT, 0o644)
        {
            tracing::warn!(%error, "an agent that is started anew may run timers once more");
        }
    }

    fn fire(&self) -> Option<DateTime<Utc>> {
        let now = self.clock.now();
        let (due, next) = {
            let mut state = self.state();
            let last = self.last_look(&mut state, now);
            if now < last {
                state.start_over(now);
            }
            let due = state.take_due(now);
            if now < last || !due.is_empty() {
                self.note(now);
            }
            state.looked_at = Some(now);
            (due, state.queue.first().map(|(next, ..)| *next))
        };
        let queue = Mutex::new(due.iter());
        let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        std::thread::scope(|scope| {
            for _ in 0..STARTS.min(due.len()) {
                scope.spawn(|| {
                    while let Some((tenant, timer)) = take() {
                        if let Err(error) = start_run(self.host.as_ref(), tenant.uid, &tenant.user, timer) {
                            tracing::warn!(uid = %tenant.uid, %timer, %error, "a timer did not start");
                        }
                    }
                });
            }
        });
        next
    }
}

impl State {
    /// The clock was set back: what is next is not what it was.
    fn start_over(&mut self, now: DateTime<Utc>) {
        self.queue.clear();
        for (uid, timers) in &mut self.due {
            for (name, due) in timers {
                due.next = due.schedule.next_after(now);
                self.queue.extend(due.next.map(|next| (next, *uid, name.clone())));
            }
        }
    }

    /// What is due, each timer once, however often it was missed.
    fn take_due(&mut self, now: DateTime<Utc>) -> Vec<(Tenant, TimerName)> {
        let mut taken = Vec::new();
        while let Some((next, uid, name)) = self.queue.pop_first() {
            if next > now {
                self.queue.insert((next, uid, name));
                break;
            }
            let known = self.due.get_mut(&uid).and_then(|timers| timers.get_mut(&name));
            if let (Some(due), Some(tenant)) = (known, self.tenants.get(&uid)) {
                due.next = due.schedule.next_after(now);
                self.queue.extend(due.next.map(|next| (next, uid, name.clone())));
                taken.push((tenant.clone(), name));
            }
        }
        taken
    }
}

async fn keep_firing(inner: Weak<Inner>) {
    loop {
        let Some(alive) = inner.upgrade() else { return };
        let worker = Arc::clone(&alive);
        let next = tokio::task::spawn_blocking(move || worker.fire()).await.unwrap_or_else(|error| {
            tracing::error!(%error, "firing timers failed");
            None
        });
        let pause = next.and_then(|next| (next - alive.clock.now()).to_std().ok()).unwrap_or_default();
        let pause = if next.is_none() { LOOK_EVERY } else { pause.min(LOOK_EVERY) };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = alive.changed.notified() => {}
        }
    }
}

/// Takes in the record of a run as soon as systemd says that its unit is gone; an audit finds the others.
async fn listen_for_ends(inner: Weak<Inner>, mut forgotten: broadcast::Receiver<String>) {
    loop {
        let unit = match forgotten.recv().await {
            Ok(unit) => unit,
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let Some(uid) = layout::timer_unit_uid(&unit).and_then(|uid| Uid::try_from(uid).ok()) else {
            continue;
        };
        let Some(inner) = inner.upgrade() else { return };
        let tenant = inner.state().tenants.get(&uid).cloned();
        if let Some(tenant) = tenant {
            tokio::task::spawn_blocking(move || spool::collect(inner.host.as_ref(), &inner.outbox, &tenant));
        }
    }
}

#[cfg(test)]
mod tests;
