//! Accounts of which nothing shall be left: from the outside in, each part proven, the Unix account last.

use std::collections::BTreeSet;
use std::time::Instant;

use berth_core::condition::{ConditionState, Resource};
use berth_core::link::GoneReport;
use berth_core::{Code, Problem};

use super::pass::Item;
use super::{Reconciler, contained};
use crate::resource::{Context, Failure, account, gone};

impl Reconciler {
    /// Removes what the accounts to be purged have for themselves, in the opposite order of how it came to be.
    /// A part that fails is tried again later; meanwhile home and account stay, and the others go. Says of
    /// which accounts nothing is left.
    pub(super) fn purge(&self, context: &Context<'_>, items: &mut [Item], now: Instant) -> Vec<GoneReport> {
        let mut reports = Vec::new();
        for item in items.iter_mut().filter(|item| item.spec.standing.is_purged()) {
            for resource in self.account.iter().rev() {
                let kind = resource.resource();
                let waits = if kind == Resource::Home { self.left(item, &[kind]) } else { Vec::new() };
                if let Some(problem) = waiting(&waits) {
                    item.set(kind, Err(Failure::Pending(problem)));
                    continue;
                }
                if !self.is_due(item, kind, now) {
                    continue;
                }
                let mut marks = item.marks.clone();
                let converged =
                    contained(kind.as_str(), || resource.converge(context, &item.spec, &mut marks))
                        .unwrap_or_else(|problem| Err(Failure::Failed(problem)));
                item.marks = marks;
                item.set(kind, converged);
            }
            if let Some(problem) = waiting(&self.left(item, &[])) {
                item.set(Resource::Account, Err(Failure::Pending(problem)));
                continue;
            }
            if !self.is_due(item, Resource::Account, now) {
                continue;
            }
            match Self::last_steps(context, item) {
                Ok(report) => reports.push(report),
                Err(failure) => item.set(Resource::Account, Err(failure)),
            }
        }
        reports
    }

    /// The Unix account, and then the proof.
    fn last_steps(context: &Context<'_>, item: &mut Item) -> Result<GoneReport, Failure> {
        let spec = std::sync::Arc::clone(&item.spec);
        let removed = contained(Resource::Account.as_str(), || account::remove(context, &[&spec]))?
            .remove(&spec.account)
            .unwrap_or_else(|| Err(Failure::new(Code::Internal, "the account was not looked at")))?;
        let search = gone::search(context.host, &spec)?;
        if !search.left.is_empty() {
            let detail = format!("still there: {}", search.left.join(", "));
            return Err(Problem::new(Code::HostFailed, detail).hint("it is tried again by itself").into());
        }
        item.set(Resource::Account, Ok(removed));
        Ok(GoneReport { account: spec.account, generation: spec.generation, looked: search.looked })
    }

    /// The parts that are not gone, beside some, home and account.
    fn left(&self, item: &Item, beside: &[Resource]) -> Vec<Resource> {
        let parts = self
            .account
            .iter()
            .map(|part| part.resource())
            .chain(self.shared.iter().filter_map(|part| part.resource()));
        let is_gone = |part: &Resource| {
            item.state.conditions.get(part).is_some_and(|condition| {
                matches!(condition.state, ConditionState::Converged | ConditionState::Unsupported(_))
            })
        };
        let parts: BTreeSet<Resource> = parts.filter(|part| !beside.contains(part)).collect();
        parts.into_iter().filter(|part| !is_gone(part)).collect()
    }
}

fn waiting(left: &[Resource]) -> Option<Problem> {
    if left.is_empty() {
        return None;
    }
    let names: Vec<_> = left.iter().map(|part| part.as_str()).collect();
    Some(Problem::new(Code::HostFailed, format!("waits until {} is gone", names.join(", "))))
}
