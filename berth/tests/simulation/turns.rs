//! Whose turn it is: requests run side by side, and each waits before every step that it takes in the
//! database until the simulation lets it go on. So the same seed gives the same interleaving, and a request
//! can be killed between any two steps, or in the middle of one.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use berth_store::gate::{Gate, Step, Verdict};

/// The number of a request under way.
pub(crate) type Id = u64;

/// The gate of the database, and who waits there.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The request that is being polled.
    current: Id,
    waiting: BTreeMap<Id, Waiting>,
    /// Who has a transaction that may write. There is only one connection for them.
    writer: Option<Id>,
}

#[derive(Debug)]
struct Waiting {
    step: Step,
    verdict: Option<Verdict>,
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_waiting(&self, id: Id) -> bool {
        self.state().waiting.get(&id).is_some_and(|waiting| waiting.verdict.is_none())
    }
}

impl Gate for Turns {
    fn pass(&self, step: Step) -> Pin<Box<dyn Future<Output = Verdict> + Send + '_>> {
        let mut known = None;
        Box::pin(poll_fn(move |_| {
            let mut state = self.state();
            let id = *known.get_or_insert(state.current);
            let waiting = state.waiting.entry(id).or_insert(Waiting { step, verdict: None });
            let Some(verdict) = waiting.verdict else { return Poll::Pending };
            state.waiting.remove(&id);
            if step == Step::Begin && verdict.is_ok() {
                state.writer = Some(id);
            }
            Poll::Ready(verdict)
        }))
    }

    fn ended(&self) {
        self.state().writer = None;
    }
}

/// A request under way.
pub(crate) type Request<A> = Pin<Box<dyn Future<Output = A>>>;

/// Requests that run side by side.
pub(crate) struct Crowd<A> {
    turns: Arc<Turns>,
    requests: BTreeMap<Id, Request<A>>,
    next: Id,
}

/// How a request is after its turn.
pub(crate) enum Turn<A> {
    /// It waits at the gate again.
    Waits,
    /// It has its answer.
    Answered(A),
}

impl<A> Crowd<A> {
    pub(crate) fn new(turns: Arc<Turns>) -> Self {
        Self { turns, requests: BTreeMap::new(), next: 1 }
    }

    /// Takes a request in. It gets its first turn like any other.
    pub(crate) fn join(&mut self, request: Request<A>) -> Id {
        let id = self.next;
        self.next += 1;
        self.requests.insert(id, request);
        id
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Those who could take a step now.
    pub(crate) fn ready(&self) -> Vec<Id> {
        let state = self.turns.state();
        let can = |id: &Id| {
            let Some(waiting) = state.waiting.get(id) else { return true };
            waiting.step != Step::Begin || state.writer.is_none()
        };
        self.requests.keys().copied().filter(can).collect()
    }

    /// The step that a request waits for; nothing if it has not begun.
    pub(crate) fn step(&self, id: Id) -> Option<Step> {
        self.turns.state().waiting.get(&id).map(|waiting| waiting.step)
    }

    /// Lets a request take a step, or refuses it, and waits until it comes to the next.
    pub(crate) async fn go(&mut self, id: Id, verdict: Verdict) -> Turn<A> {
        self.release(id, verdict);
        let turns = Arc::clone(&self.turns);
        let request = self.requests.get_mut(&id).unwrap();
        let turn = poll_fn(|context| {
            turns.state().current = id;
            match request.as_mut().poll(context) {
                Poll::Ready(answer) => Poll::Ready(Turn::Answered(answer)),
                Poll::Pending if turns.is_waiting(id) => Poll::Ready(Turn::Waits),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        if let Turn::Answered(_) = turn {
            self.requests.remove(&id);
        }
        turn
    }

    /// Lets a request begin a step and goes away before its end.
    pub(crate) async fn abandon(&mut self, id: Id) {
        self.release(id, Ok(()));
        let turns = Arc::clone(&self.turns);
        if let Some(request) = self.requests.get_mut(&id) {
            poll_fn(|context| {
                turns.state().current = id;
                // An answer that comes in this moment reaches nobody.
                drop(request.as_mut().poll(context));
                Poll::Ready(())
            })
            .await;
        }
        self.drop(id);
    }

    /// Goes away. To be called inside a runtime.
    pub(crate) fn drop(&mut self, id: Id) {
        drop(self.requests.remove(&id));
        self.turns.state().waiting.remove(&id);
    }

    fn release(&self, id: Id, verdict: Verdict) {
        if let Some(waiting) = self.turns.state().waiting.get_mut(&id) {
            waiting.verdict = Some(verdict);
        }
    }
}
