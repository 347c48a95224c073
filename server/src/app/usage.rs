//! What an account uses of what its package limits.

use berth_core::condition::{Condition, Resource};
use berth_core::package::Bounds;
use berth_store::accounts::AccountOverview;
use berth_store::{Tx, domains};
use serde_json::Value;

use super::problem::Failure;

const MIB: u64 = 1 << 20;

/// How much is in use, by the name of the limit. A limit of what runs at the moment has no entry: it can't be
/// exceeded by what is stored.
pub(super) struct Usage(Vec<(&'static str, u64)>);

impl Usage {
    /// Counts rows, and takes disk space and files from what the node has observed last.
    pub(super) async fn of(tx: &mut Tx, overview: &AccountOverview) -> Result<Self, Failure> {
        let mut used = vec![("domains", domains::count(tx, overview.account.id).await?)];
        if let Some(bytes) = observed(&overview.conditions, "used_bytes") {
            used.push(("disk_mb", bytes.div_ceil(MIB)));
        }
        if let Some(inodes) = observed(&overview.conditions, "used_inodes") {
            used.push(("inodes", inodes));
        }
        Ok(Self(used))
    }

    /// How much is in use of what a limit is about, if that is known.
    pub(super) fn get(&self, limit: &str) -> Option<u64> {
        self.0.iter().find(|(name, _)| *name == limit).map(|(_, used)| *used)
    }

    /// The limits that are below what is in use, with both numbers.
    pub(super) fn above<'a>(
        &'a self,
        bounds: &'a Bounds,
    ) -> impl Iterator<Item = (&'static str, berth_core::package::Bound, u64)> + 'a {
        bounds.iter().filter_map(|(name, bound)| {
            let used = self.get(name)?;
            (!bound.allows(used)).then_some((name, bound, used))
        })
    }
}

fn observed(conditions: &[Condition], name: &str) -> Option<u64> {
    let quota = conditions.iter().find(|condition| condition.resource == Resource::Quota)?;
    quota.observed.get(name).and_then(Value::as_u64)
}
