use berth_core::drift::DriftState;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{DriftView, Page};
use berth_core::{Code, Fields, Problem, Problems};
use berth_store::drift::DriftFilter;
use berth_store::{accounts, drift, users};

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::view::drift_view;

/// A page of what somebody else had changed on a node, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListDrift {
    /// Only of this user's account.
    pub user: Option<UserRef>,
    /// Only in this state.
    pub state: Option<DriftState>,
    /// The opaque end of the page before, if this is not the first.
    pub cursor: Option<String>,
    /// Most entries on the page, 1 to 200.
    pub limit: u32,
}

impl ListDrift {
    /// Reads `user`, `state`, `cursor` and `limit` (as text, since it comes from a query).
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let user = fields.optional("user");
        let state = fields.optional("state");
        let cursor = fields.text("cursor");
        let limit = fields.text("limit").map(|text| match text.parse::<u32>() {
            Ok(limit) if (1..=200).contains(&limit) => Ok(limit),
            _ => Err(Problem::new(Code::ValueInvalid, "use a limit from 1 to 200")),
        });
        let limit = limit.and_then(|limit| fields.keep("limit", limit)).unwrap_or(50);
        fields.finish().into_result().map(|()| Self { user, state, cursor, limit })
    }
}

/// What somebody else had changed on a node, and what has become of it.
///
/// # Errors
/// `node_not_found`, `cursor_invalid`, `user_not_found` or `account_missing` if the filter names nobody with
/// an account.
pub async fn list_drift(ctx: &Ctx, node: &str, command: ListDrift) -> Result<Page<DriftView>, Problems> {
    authorize(ctx, Action::DriftRead, &Target::installation(node)).await?;
    retrying!(&ctx.app, attempt(ctx, node, &command))
}

async fn attempt(ctx: &Ctx, node: &str, command: &ListDrift) -> Result<Page<DriftView>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let node = known::node(&mut tx, node).await?;
    let account = match &command.user {
        None => None,
        Some(named) => {
            let missing =
                || Problem::new(Code::UserNotFound, format!("there is no user `{named}`")).at("user");
            let user = users::find(&mut tx, named).await?.ok_or_else(missing)?;
            let without =
                || Problem::new(Code::AccountMissing, format!("`{named}` has no hosting account")).at("user");
            Some(accounts::of_user(&mut tx, user.id).await?.ok_or_else(without)?.account.id)
        }
    };
    let filter = DriftFilter { node: node.id, account, state: command.state };
    let page = drift::page(&mut tx, &filter, command.cursor.as_deref(), command.limit).await?;
    let items = page.items.into_iter().map(|record| drift_view(record, &node.name)).collect();
    Ok(Page { items, next: page.next })
}
