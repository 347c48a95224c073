use crate::egress::Note;
use crate::event::EventPattern;
use crate::webhook::WebhookUrl;
use crate::{Code, Fields, Problems};

/// Have somebody told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddWebhook {
    /// Where events are sent.
    pub url: WebhookUrl,
    /// Which events.
    pub events: Vec<EventPattern>,
    /// What it is for.
    pub note: Option<Note>,
}

impl AddWebhook {
    /// Reads `url`, `events` (everything if absent) and `note`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let url = fields.required("url");
        let said = fields.has("events");
        let mut events: Vec<EventPattern> = fields.list("events");
        events.sort_unstable();
        events.dedup();
        if said && events.is_empty() {
            fields.refuse("events", Code::ValueInvalid, "a webhook needs at least one kind of event");
        } else if !said && let Ok(everything) = "*".parse() {
            events.push(everything);
        }
        let note = fields.optional("note");
        let problems = fields.finish();
        match url {
            Some(url) if problems.is_empty() => Ok(Self { url, events, note }),
            _ => Err(problems),
        }
    }
}
