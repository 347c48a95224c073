//! Listeners that outlive the agent.
//!
//! The service manager keeps descriptors for us (`sd_pid_notify_with_fds(3)`, `sd_listen_fds(3)`), but its own
//! work grows with the square of their number. So it gets two, whatever the number of listeners: the ends of a
//! socket pair in whose buffer the listeners wait as ancillary data (`unix(7)`).
//!
//! A listener is put into the queue as soon as it is bound, so that it survives a kill as well. Nothing is taken
//! out of the queue: what was shut down since is recognised by that and left out when the queue is written anew.
//! At no moment is a listener only in this process: a new queue is filled before the old one goes, and whoever
//! finds both sorts out what is in both.

use std::collections::HashSet;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, sockopt,
};

use super::notify;
use crate::php::listener::{self, Health};

/// Descriptors that one message may carry (`SCM_MAX_FD`).
const MESSAGE: usize = 253;
/// Bytes that may wait in a queue; a message takes less than 1 KiB of it. Without the capability for that, it is
/// what the kernel allows: about 270 messages.
const ROOM: usize = 64 * 1024 * 1024;
/// Messages beyond twice the number of listeners after which a queue is written anew.
const SPARE: usize = 1024;

/// The listeners that wait, and the queue that they wait in.
pub(super) struct Store(Mutex<Inner>);

struct Inner {
    queue: Option<Queue>,
    /// What the queue holds, as far as somebody still uses it.
    held: Vec<Weak<OwnedFd>>,
    /// Messages in the queue, and with how many it is written anew.
    messages: usize,
    rewrite_at: usize,
    /// Has the service manager keep a descriptor.
    park: fn(BorrowedFd<'_>) -> io::Result<()>,
}

impl Store {
    /// Takes over what an earlier agent has left: listeners and queues of listeners.
    pub(super) fn open(inherited: Vec<OwnedFd>) -> (Self, Vec<Arc<OwnedFd>>) {
        Self::open_with(inherited, notify::park)
    }

    fn open_with(
        inherited: Vec<OwnedFd>,
        park: fn(BorrowedFd<'_>) -> io::Result<()>,
    ) -> (Self, Vec<Arc<OwnedFd>>) {
        let mut inner = Inner { queue: None, held: Vec::new(), messages: 0, rewrite_at: SPARE, park };
        let (queues, single): (Vec<_>, Vec<_>) = inherited.into_iter().partition(is_queue);
        let mut known = Known::default();
        for listener in single {
            if let Some(listener) = known.add(listener) {
                inner.put(&listener);
            }
        }
        for end in queues {
            inner.take_over(&end, &mut known);
            // With this the service manager lets both ends go.
            end_queue(&end);
        }
        (Self(Mutex::new(inner)), known.listeners)
    }

    /// Has a listener outlive this process. What can't be kept works all the same, and is made anew by the next
    /// agent.
    pub(super) fn keep(&self, listener: &Arc<OwnedFd>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(listener);
    }
}

impl Inner {
    fn put(&mut self, listener: &Arc<OwnedFd>) {
        self.held.push(Arc::downgrade(listener));
        if let Err(error) = self.send(listener) {
            tracing::warn!(%error, "a listener will not outlive this agent");
        }
    }

    fn send(&mut self, listener: &Arc<OwnedFd>) -> io::Result<()> {
        if self.messages < self.rewrite_at
            && let Some(queue) = &self.queue
        {
            match queue.put(&[listener.as_fd()]) {
                Ok(()) => {
                    self.messages += 1;
                    return Ok(());
                }
                // It is full, or it was ended by somebody.
                Err(Errno::AGAIN | Errno::PIPE | Errno::CONNRESET | Errno::TOOMANYREFS) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        // The listener is among those that are held.
        self.write_anew()
    }

    /// Makes a new queue with all that is in use, as few messages as possible, in the place of the old one.
    fn write_anew(&mut self) -> io::Result<()> {
        let mut live = Vec::new();
        self.held.retain(|held| {
            let found = held.upgrade().filter(|held| listener::health(held) != Health::Dead);
            let keep = found.is_some();
            live.extend(found);
            keep
        });
        let queue = Queue::new()?;
        for end in [&queue.near, &queue.far] {
            (self.park)(end.as_fd())?;
        }
        let mut messages = 0;
        for chunk in live.chunks(MESSAGE) {
            let chunk: Vec<BorrowedFd<'_>> = chunk.iter().map(|held| held.as_fd()).collect();
            queue.put(&chunk)?;
            messages += 1;
        }
        (self.messages, self.rewrite_at) = (messages, 2 * live.len() + SPARE);
        if let Some(old) = self.queue.replace(queue) {
            end_queue(&old.near);
        }
        Ok(())
    }

    /// Moves what waits at one end of an old queue. Each message is looked at, put into the new queue, and only
    /// then taken away.
    fn take_over(&mut self, end: &OwnedFd, known: &mut Known) {
        loop {
            match receive(end, RecvFlags::PEEK) {
                Ok(listeners) if listeners.is_empty() => return,
                Ok(listeners) => {
                    for listener in listeners {
                        if let Some(listener) = known.add(listener) {
                            self.put(&listener);
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "listeners of the last agent are lost; they are made anew");
                    return;
                }
            }
            if let Err(error) = receive(end, RecvFlags::empty()) {
                tracing::warn!(%error, "a queue of listeners can't be emptied");
                return;
            }
        }
    }
}

/// What was taken over, each once, although queues that were being written anew both hold it.
#[derive(Default)]
struct Known {
    seen: HashSet<u64>,
    listeners: Vec<Arc<OwnedFd>>,
}

impl Known {
    fn add(&mut self, listener: OwnedFd) -> Option<Arc<OwnedFd>> {
        // Every socket has a number of its own as long as anybody holds it, and we hold all of these.
        let number = rustix::fs::fstat(&listener).ok()?.st_ino;
        if listener::health(&listener) == Health::Dead || !self.seen.insert(number) {
            return None;
        }
        let listener = Arc::new(listener);
        self.listeners.push(Arc::clone(&listener));
        Some(listener)
    }
}

/// Two ends of which one is written to and one holds what was written.
struct Queue {
    near: OwnedFd,
    far: OwnedFd,
}

impl Queue {
    fn new() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (near, far) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        if sockopt::set_socket_send_buffer_size_force(&near, ROOM).is_err() {
            sockopt::set_socket_send_buffer_size(&near, ROOM)?;
        }
        Ok(Self { near, far })
    }

    fn put(&self, listeners: &[BorrowedFd<'_>]) -> rustix::io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MESSAGE))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !ancillary.push(SendAncillaryMessage::ScmRights(listeners)) {
            return Err(Errno::INVAL);
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        rustix::net::sendmsg(&self.near, &[IoSlice::new(b"L")], &mut ancillary, flags).map(drop)
    }
}

/// What the first message at an end of a queue carries; nothing if there is none.
fn receive(end: &OwnedFd, flags: RecvFlags) -> rustix::io::Result<Vec<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MESSAGE))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = flags | RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    match rustix::net::recvmsg(end, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, flags) {
        Ok(_) => {}
        Err(Errno::AGAIN) => return Ok(Vec::new()),
        Err(errno) => return Err(errno),
    }
    let rights = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok(rights.flatten().collect())
}

/// Listeners are streams; of what else we park, only queues keep the borders of messages.
fn is_queue(descriptor: &OwnedFd) -> bool {
    sockopt::socket_type(descriptor).is_ok_and(|kind| kind == SocketType::SEQPACKET)
}

/// Ends a queue for everybody who holds an end of it, the service manager included.
fn end_queue(end: &OwnedFd) {
    match rustix::net::shutdown(end, Shutdown::Both) {
        // The other end was ended before.
        Ok(()) | Err(Errno::NOTCONN) => {}
        Err(errno) => tracing::warn!(%errno, "a queue of listeners could not be ended"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use rustix::process::{Resource, getrlimit, setrlimit};

    use super::*;

    thread_local! {
        /// What the service manager keeps, in tests.
        static PARKED: std::cell::RefCell<Vec<OwnedFd>> = const { std::cell::RefCell::new(Vec::new()) };
    }

    #[expect(clippy::unnecessary_wraps, reason = "the real one can fail")]
    fn park(descriptor: BorrowedFd<'_>) -> io::Result<()> {
        PARKED.with_borrow_mut(|parked| parked.push(descriptor.try_clone_to_owned().unwrap()));
        Ok(())
    }

    /// What the service manager hands to the next agent: it lets go what has hung up.
    fn handed_over() -> Vec<OwnedFd> {
        PARKED.with_borrow_mut(|parked| {
            parked.retain(|held| listener::health(held) != Health::Dead);
            parked.iter().map(|held| held.try_clone().unwrap()).collect()
        })
    }

    /// Listeners without names, so that the test leaves nothing behind.
    fn listeners(count: usize) -> Vec<Arc<OwnedFd>> {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::SocketAddr;
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let made = (0..count).map(|_| {
            let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let name = format!("berth-store-test-{}-{number}", std::process::id());
            let address = SocketAddr::from_abstract_name(name).unwrap();
            Arc::new(OwnedFd::from(UnixListener::bind_addr(&address).unwrap()))
        });
        made.collect()
    }

    fn numbers<'a>(listeners: impl IntoIterator<Item = &'a Arc<OwnedFd>>) -> std::collections::BTreeSet<u64> {
        listeners.into_iter().map(|held| rustix::fs::fstat(held.as_ref()).unwrap().st_ino).collect()
    }

    #[test]
    fn listeners_outlive_agents_that_are_killed_and_the_manager_keeps_two_descriptors() {
        // Each is held twice for a moment.
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit).unwrap();
        let free = limit.maximum.unwrap_or(30_000).saturating_sub(3_000);
        let count = usize::try_from(free).unwrap().min(20_000);
        let mut kept = listeners(count);
        let (store, nothing) = Store::open_with(Vec::new(), park);
        assert!(nothing.is_empty());
        for held in &kept {
            store.keep(held);
        }
        let expected = numbers(&kept);
        // The agent is gone without a word: all that is left is what the manager and the queue hold.
        drop((store, std::mem::take(&mut kept)));
        assert_eq!(handed_over().len(), 2);
        let (store, taken) = Store::open_with(handed_over(), park);
        assert_eq!(numbers(&taken), expected);
        assert_eq!(handed_over().len(), 2, "the old queue is gone");
        // One that was shut down is left out, a new one is added.
        listener::end(taken.first().unwrap());
        let new = listeners(1);
        store.keep(new.first().unwrap());
        let expected = numbers(taken.iter().skip(1).chain(&new));
        drop((store, taken, new));
        let (_store, taken) = Store::open_with(handed_over(), park);
        assert_eq!(numbers(&taken), expected);
    }

    #[test]
    fn an_agent_that_was_killed_while_it_wrote_a_queue_anew_leaves_two_and_nothing_is_doubled() {
        let kept = listeners(600);
        let (store, _) = Store::open_with(Vec::new(), park);
        for held in &kept {
            store.keep(held);
        }
        // A queue that is only half full, as it is before the old one goes.
        let half = Queue::new().unwrap();
        for end in [&half.near, &half.far] {
            park(end.as_fd()).unwrap();
        }
        let some: Vec<_> = kept.iter().take(MESSAGE).map(|held| held.as_fd()).collect();
        half.put(&some).unwrap();
        drop((store, half));
        let (_store, taken) = Store::open_with(handed_over(), park);
        assert_eq!(taken.len(), 600);
        assert_eq!(numbers(&taken), numbers(&kept));
        assert_eq!(handed_over().len(), 2);
    }

    #[test]
    fn what_has_gone_does_not_fill_the_queue() {
        let (store, _) = Store::open_with(Vec::new(), park);
        for _ in 0..3 * SPARE {
            let held = listeners(1);
            store.keep(held.first().unwrap());
            listener::end(held.first().unwrap());
        }
        assert!(store.0.lock().unwrap().messages <= SPARE);
        assert_eq!(handed_over().len(), 2);
    }
}
