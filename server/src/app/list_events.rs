use berth_core::event::EventPattern;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{EventView, Page};
use berth_core::{Code, Fields, Problem, Problems};
use berth_store::events::{self, EventFilter};
use berth_store::users;
use chrono::{DateTime, Utc};

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::list_audit::Moment;
use super::paging::Paging;
use super::problem::{Failure, retrying};
use super::view::event_view;

/// A page of events, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListEvents {
    /// Only about this user.
    pub user: Option<UserRef>,
    /// Only of this kind or family, such as `user.create` or `user.*`.
    pub kind: Option<EventPattern>,
    /// Only with exactly this subject.
    pub subject: Option<String>,
    /// Only from this moment on.
    pub since: Option<DateTime<Utc>>,
    /// Only before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Which page.
    pub paging: Paging,
}

impl ListEvents {
    /// Reads `user`, `kind`, `subject`, `since`, `until`, `cursor` and `limit` (as text, since it comes from a
    /// query).
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let user = fields.optional("user");
        let kind = fields.optional("kind");
        let subject = fields.text("subject");
        let since = fields.optional::<Moment>("since").map(|moment| moment.0);
        let until = fields.optional::<Moment>("until").map(|moment| moment.0);
        let paging = Paging::read(&mut fields);
        fields.finish().into_result().map(|()| Self { user, kind, subject, since, until, paging })
    }
}

/// A page of what has happened.
///
/// # Errors
/// `cursor_invalid`, `user_not_found` if the filter names nobody.
pub async fn list_events(ctx: &Ctx, command: ListEvents) -> Result<Page<EventView>, Problems> {
    authorize(ctx, Action::EventRead, &Target::installation("events")).await?;
    retrying!(&ctx.app, attempt(ctx, &command))
}

async fn attempt(ctx: &Ctx, command: &ListEvents) -> Result<Page<EventView>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let user = match &command.user {
        None => None,
        Some(named) => {
            let missing =
                || Problem::new(Code::UserNotFound, format!("there is no user `{named}`")).at("user");
            Some(users::find(&mut tx, named).await?.ok_or_else(missing)?.id)
        }
    };
    let (kind, family) = match command.kind.as_ref().map(EventPattern::as_str) {
        None | Some("*") => (None, None),
        Some(pattern) => match pattern.strip_suffix('*') {
            Some(family) => (None, Some(family.to_owned())),
            None => (Some(pattern.to_owned()), None),
        },
    };
    let filter = EventFilter {
        user,
        kind,
        family,
        subject: command.subject.clone(),
        since: command.since,
        until: command.until,
    };
    let Paging { cursor, limit } = &command.paging;
    let page = events::page(&mut tx, &filter, cursor.as_deref(), *limit).await?;
    Ok(Page { items: page.items.into_iter().map(event_view).collect(), next: page.next })
}
