use berth_core::audit::AuditOutcome;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{AuditView, Page};
use berth_core::{Code, Fields, Parse, Problem, Problems};
use berth_store::audit::AuditFilter;
use berth_store::{audit, users};
use chrono::{DateTime, Utc};

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::view::audit_view;

/// A page of the audit log, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListAudit {
    /// Only entries about this user.
    pub user: Option<UserRef>,
    /// Only this action, such as `user.create`.
    pub action: Option<String>,
    /// Only with exactly this subject.
    pub subject: Option<String>,
    /// Only done, or only refused.
    pub outcome: Option<AuditOutcome>,
    /// Only from this moment on.
    pub since: Option<DateTime<Utc>>,
    /// Only before this moment.
    pub until: Option<DateTime<Utc>>,
    /// The opaque end of the page before, if this is not the first.
    pub cursor: Option<String>,
    /// Most entries on the page, 1 to 200.
    pub limit: u32,
}

impl Default for ListAudit {
    fn default() -> Self {
        Self {
            user: None,
            action: None,
            subject: None,
            outcome: None,
            since: None,
            until: None,
            cursor: None,
            limit: 50,
        }
    }
}

/// A moment as RFC 3339 writes it.
pub(super) struct Moment(pub(super) DateTime<Utc>);

impl Parse for Moment {
    fn parse(text: &str) -> Result<Self, Problem> {
        DateTime::parse_from_rfc3339(text).map(|at| Self(at.to_utc())).map_err(|_| {
            Problem::new(Code::ValueInvalid, "this is not a moment").hint("write it as 2026-01-31T12:00:00Z")
        })
    }
}

/// A word for what became of a request.
struct OutcomeWord(AuditOutcome);

impl Parse for OutcomeWord {
    fn parse(text: &str) -> Result<Self, Problem> {
        [AuditOutcome::Done, AuditOutcome::Refused]
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .map(Self)
            .ok_or_else(|| {
                Problem::new(Code::ValueInvalid, "this is not an outcome").hint("use done or refused")
            })
    }
}

impl ListAudit {
    /// Reads `user`, `action`, `subject`, `outcome`, `since`, `until`, `cursor` and `limit` (as text, since it
    /// comes from a query).
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let user = fields.optional("user");
        let action = fields.text("action");
        let subject = fields.text("subject");
        let outcome = fields.optional::<OutcomeWord>("outcome").map(|word| word.0);
        let since = fields.optional::<Moment>("since").map(|moment| moment.0);
        let until = fields.optional::<Moment>("until").map(|moment| moment.0);
        let cursor = fields.text("cursor");
        let limit = fields.text("limit").map(|text| match text.parse::<u32>() {
            Ok(limit) if (1..=200).contains(&limit) => Ok(limit),
            _ => Err(Problem::new(Code::ValueInvalid, "use a limit from 1 to 200")),
        });
        let limit = limit.and_then(|limit| fields.keep("limit", limit)).unwrap_or(50);
        fields.finish().into_result().map(|()| Self {
            user,
            action,
            subject,
            outcome,
            since,
            until,
            cursor,
            limit,
        })
    }
}

/// A page of the audit log.
///
/// # Errors
/// `cursor_invalid`, `user_not_found` if the filter names nobody.
pub async fn list_audit(ctx: &Ctx, command: ListAudit) -> Result<Page<AuditView>, Problems> {
    authorize(ctx, Action::AuditRead, &Target::installation("audit log")).await?;
    retrying!(&ctx.app, attempt(ctx, &command))
}

async fn attempt(ctx: &Ctx, command: &ListAudit) -> Result<Page<AuditView>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let user = match &command.user {
        None => None,
        Some(named) => {
            let missing =
                || Problem::new(Code::UserNotFound, format!("there is no user `{named}`")).at("user");
            Some(users::find(&mut tx, named).await?.ok_or_else(missing)?.id)
        }
    };
    let filter = AuditFilter {
        user,
        action: command.action.clone(),
        subject: command.subject.clone(),
        outcome: command.outcome,
        since: command.since,
        until: command.until,
    };
    let page = audit::page(&mut tx, &filter, command.cursor.as_deref(), command.limit).await?;
    Ok(Page { items: page.items.into_iter().map(audit_view).collect(), next: page.next })
}
