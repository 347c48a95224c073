//! Answers to what somebody wants to know of this node right now. Each is a look, without any change, made
//! beside the reconciler: nobody who asks waits for a pass.

mod directory;
mod log;

use berth_core::inquiry::{Inquiry, Question, Reply};

use crate::host::Host;

/// Looks, and says what was found.
pub fn answer(host: &dyn Host, inquiry: &Inquiry) -> Reply {
    let outcome = match &inquiry.question {
        Question::Log { username, fqdn, kind, lines, filter } => {
            log::tail(host, &log::Log { username, fqdn, kind: *kind }, *lines, filter.as_ref())
        }
        Question::Directory { path } => directory::look(host, path),
    };
    Reply { id: inquiry.id, outcome }
}
