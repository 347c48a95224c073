//! What every command that changes something has in common.

use berth_core::view::{ChangeKind, PlanView};
use clap::Args;
use serde_json::Value;

use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::table;

/// Options of every command that changes something.
#[derive(Debug, Clone, Args)]
pub(super) struct ChangeArgs {
    /// Show what would happen and change nothing
    #[arg(long)]
    pub(super) plan: bool,

    /// Name of this request: sent again, it is answered again and not done again
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl ChangeArgs {
    /// Sends the request. `None` if only a plan was asked for, which is printed.
    pub(super) async fn send(&self, session: &Session, request: Request) -> Result<Option<Value>, Failure> {
        let answer = session.send(self.complete(request)).await?;
        if !self.plan {
            return Ok(Some(answer));
        }
        let plan: PlanView = decode(&answer)?;
        session.console.answer(&answer, || show(&plan));
        Ok(None)
    }

    fn complete(&self, request: Request) -> Request {
        request
            .query("dry_run", self.plan.then_some("plan"))
            .header("Idempotency-Key", self.idempotency_key.as_ref())
    }
}

fn show(plan: &PlanView) -> String {
    if plan.changes.is_empty() {
        return "nothing would change".to_owned();
    }
    let word = |change| match change {
        ChangeKind::Create => "create",
        ChangeKind::Change => "change",
        ChangeKind::Remove => "remove",
        ChangeKind::Keep => "keep",
    };
    let mut shown = table(
        ["WOULD", "WHAT", "NAME", "DETAIL"],
        plan.changes.iter().map(|planned| {
            [
                word(planned.change).to_owned(),
                planned.what.clone(),
                planned.name.clone(),
                planned.detail.clone().unwrap_or_default(),
            ]
        }),
    );
    if let Some(limits) = &plan.limits {
        let rows = limits.iter().map(|(name, bound)| [name.to_owned(), bound.to_string()]);
        shown = format!("{shown}\n\n{}", table(["LIMIT", "VALUE"], rows));
    }
    shown
}

/// A JSON object of the fields that were said.
pub(super) fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
