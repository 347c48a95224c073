use std::time::Duration;

use berth_core::Problems;
use berth_core::condition::{Condition, ConditionState, Convergence, Resource};
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::ConditionsView;
use berth_store::accounts::AccountOverview;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// How long to wait for what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wait {
    /// Longest time until the answer, whatever has happened until then.
    pub wait: Duration,
    /// Wait until the node has reported on a newer generation than this.
    pub after_generation: Option<u64>,
    /// Answer as soon as [`Wait::mark`] is no longer this, be it settled or not.
    pub since: Option<String>,
}

/// No request waits longer than this.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

impl Wait {
    /// A short text that differs whenever something has changed between two answers; when the node said so
    /// does not count.
    pub fn mark(view: &ConditionsView) -> String {
        let timeless = ConditionsView { reported_at: None, ..view.clone() };
        // A view has no part that JSON can't write; if it had, the empty text would only shorten the wait.
        let text = serde_json::to_string(&timeless).unwrap_or_default();
        hex::encode(Sha256::digest(text.as_bytes())).chars().take(32).collect()
    }

    fn is_over(&self, view: &ConditionsView) -> bool {
        if self.since.as_ref().is_some_and(|since| *since != Self::mark(view)) {
            return true;
        }
        let settled = view.state != Convergence::Provisioning;
        // Somebody who waits for any change has seen the settled state already.
        settled
            && self.since.is_none()
            && self.after_generation.is_none_or(|generation| view.observed_generation > generation)
    }
}

/// Desired and observed state of a user's account; waits until it has settled, if asked to.
///
/// # Errors
/// `user_not_found`, `account_missing`.
pub async fn conditions(ctx: &Ctx, user: &UserRef, wait: Wait) -> Result<ConditionsView, Problems> {
    let deadline = Instant::now() + wait.wait.min(LONGEST_WAIT);
    let mut listener = ctx.app.notifier.listen();
    let mut subject = Subject::authorized(ctx, Action::UserRead, user).await?;
    loop {
        let view = conditions_view(subject.account()?);
        if wait.is_over(&view) || !listener.next(deadline).await {
            return Ok(view);
        }
        subject = retrying!(&ctx.app, again(ctx, &subject))?;
    }
}

async fn again(ctx: &Ctx, subject: &Subject) -> Result<Subject, Failure> {
    let mut tx = ctx.app.store.read().await?;
    subject.again(&mut tx).await
}

/// What the node said last. Before it said anything, everything is pending.
pub(super) fn conditions_view(overview: &AccountOverview) -> ConditionsView {
    let conditions = if overview.conditions.is_empty() {
        Resource::ALL.iter().map(|resource| Condition::new(*resource, ConditionState::Pending)).collect()
    } else {
        overview.conditions.clone()
    };
    ConditionsView {
        account: overview.account.id,
        generation: overview.account.generation,
        observed_generation: overview.account.observed_generation,
        state: overview.state(),
        reported_at: overview.reported_at,
        conditions,
    }
}
