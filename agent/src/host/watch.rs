//! Waiting for a descriptor in the event loop.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor in the event loop, until the value is dropped. Making it also looks at what is there already.
///
/// # Errors
/// The event loop can't take it.
#[expect(unsafe_code, reason = "the event loop can't know by types that the descriptor stays open")]
pub fn readable(descriptor: Arc<OwnedFd>) -> std::io::Result<AsyncFd<Arc<OwnedFd>>> {
    // SAFETY: the value owns a share of the descriptor, whose number therefore stays the same and open until
    // the event loop has let it go, and nobody can take the descriptor out of the `Arc`.
    unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }.map_err(Into::into)
}
