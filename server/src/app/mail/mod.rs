//! Mail: written down with what it is about, sent by a task.

mod deliver;
mod list;
mod queue;
mod resend;

pub use deliver::deliver_mails;
pub use list::list_mails;
pub use resend::resend_mail;

pub(super) use queue::{Addressee, queue};

/// The topic of the outbox that mail is sent from.
const TOPIC: &str = "mail";
