use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::event::{CONDITION_CHANGED, EventPattern};
use berth_core::id::WebhookId;
use berth_core::id::{AccountId, DeliveryId, EventId, UserId};
use berth_core::link::AccountReport;
use berth_store::events::EventRecord;
use berth_store::nodes::NodeRecord;
use berth_store::{Tx, accounts, conditions, events, users, webhooks};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::context::App;
use super::problem::Failure;

/// An event that is being written.
pub(super) struct News<'a> {
    pub(super) kind: &'a str,
    pub(super) subject: String,
    pub(super) user: Option<UserId>,
    pub(super) actor: String,
    pub(super) request: Option<String>,
    pub(super) detail: Value,
}

/// Writes an event in the transaction of what has happened, and what is to be sent of it: whoever hears of it
/// hears of something that is so, and nothing that is so is kept from them.
pub(super) async fn publish(app: &App, tx: &mut Tx, news: News<'_>) -> Result<EventId, Failure> {
    let listeners = webhooks::patterns(tx).await?;
    publish_to(app, tx, &listeners, news).await
}

async fn publish_to(
    app: &App,
    tx: &mut Tx,
    listeners: &[(WebhookId, Vec<EventPattern>)],
    news: News<'_>,
) -> Result<EventId, Failure> {
    let now = app.clock.now();
    let id = EventId::new(now, app.randomness.ten());
    let News { kind, subject, user, actor, request, detail } = news;
    let event = EventRecord { id, at: now, kind: kind.to_owned(), subject, user, actor, request, detail };
    events::insert(tx, &event).await?;
    for (webhook, patterns) in listeners {
        if patterns.iter().any(|pattern| pattern.matches(kind)) {
            send(app, tx, *webhook, id, now).await?;
        }
    }
    Ok(id)
}

/// Has an event sent to a webhook, whatever events it wants.
pub(super) async fn send(
    app: &App,
    tx: &mut Tx,
    webhook: WebhookId,
    event: EventId,
    now: DateTime<Utc>,
) -> Result<DeliveryId, Failure> {
    let id = DeliveryId::new(now, app.randomness.ten());
    webhooks::deliver(tx, id, webhook, event, now).await?;
    Ok(id)
}

/// The conditions of an account as they were before a report.
pub(super) async fn conditions_before(tx: &mut Tx, account: AccountId) -> Result<Vec<Condition>, Failure> {
    Ok(conditions::of_account(tx, account).await?.map(|known| known.conditions).unwrap_or_default())
}

/// Writes an event for each condition that a report has changed. One that only went on being worked at is none.
pub(super) async fn publish_conditions(
    app: &App,
    tx: &mut Tx,
    node: &NodeRecord,
    before: &[Condition],
    report: &AccountReport,
) -> Result<(), Failure> {
    let changed: Vec<_> = report
        .conditions
        .iter()
        .filter_map(|new| {
            let old = before
                .iter()
                .find(|old| old.resource == new.resource)
                .map_or(&ConditionState::Pending, |old| &old.state);
            is_news(old, &new.state).then_some((new.resource, old, &new.state))
        })
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let Some(account) = accounts::by_id(tx, report.account).await? else { return Ok(()) };
    let owner = users::owner_of_account(tx, account.id).await?.map(|owner| owner.id);
    let listeners = webhooks::patterns(tx).await?;
    for (resource, old, new) in changed {
        let news = News {
            kind: CONDITION_CHANGED,
            subject: account.username.to_string(),
            user: owner,
            actor: format!("node {}", node.name),
            request: None,
            detail: detail(account.id, resource, old, new),
        };
        publish_to(app, tx, &listeners, news).await?;
    }
    Ok(())
}

/// Whether two states differ by more than the words of a problem.
fn is_news(old: &ConditionState, new: &ConditionState) -> bool {
    old.as_str() != new.as_str()
        || old.problem().map(|problem| problem.code) != new.problem().map(|problem| problem.code)
}

fn detail(account: AccountId, resource: Resource, old: &ConditionState, new: &ConditionState) -> Value {
    let mut detail =
        json!({ "account": account, "resource": resource, "old": old.as_str(), "new": new.as_str() });
    if let (Some(problem), Some(detail)) = (new.problem(), detail.as_object_mut()) {
        detail.insert("problem".to_owned(), json!(problem));
    }
    detail
}
