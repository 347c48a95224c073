//! Mail to people: what it says, and how it leaves.

mod text;
mod transport;

pub(crate) use text::{Words, compose};
pub use transport::{MailError, Mailer, Message, Relay};
