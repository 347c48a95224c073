//! The quota of an account: what its home may hold, by what the file system of the homes has for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use berth_core::condition::Resource;
use berth_core::id::AccountId;
use berth_core::package::Bound;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem, layout};
use serde_json::Value;

use super::{AccountResource, Context, Converged, Failure, Observed};
use crate::host::quota::{Mechanism, Quota as Kept, QuotaLimits, Reading};
use crate::ledger::Marks;
use usage::Gauge;

mod usage;
pub mod volumes;

pub use volumes::Volumes;

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// Limits of homes, with what was shown of their usage last.
#[derive(Default)]
pub struct Quota {
    shown: Mutex<BTreeMap<AccountId, Gauge>>,
}

impl AccountResource for Quota {
    fn resource(&self) -> Resource {
        Resource::Quota
    }

    fn needs(&self) -> &'static [Resource] {
        &[Resource::Account, Resource::Home]
    }

    fn converge(&self, context: &Context<'_>, spec: &AccountSpec, _marks: &mut Marks) -> Converged {
        if spec.standing.is_sealed() {
            return sealed(context, spec);
        }
        let home = layout::home(&spec.username);
        let uid = spec.uid.get();
        let wanted = limits(spec);
        let mut found = read(context, &home, uid)?;
        if !found.agrees_with(wanted) {
            let former = found.limits;
            let shown = |limits| shown(limits, found.mechanism);
            context.host.quotas().set_quota(&home, uid, wanted)?;
            let object = format!("quota of {home}");
            context.changed(Some(spec.account), object, former.map(shown), Some(shown(wanted)));
            found = read(context, &home, uid)?;
            if !found.agrees_with(wanted) {
                let detail = format!("the quota of {home} is not what was set");
                return Err(Failure::new(Code::HostFailed, detail));
            }
        }
        Ok(self.observe(context, spec, &found))
    }
}

impl Quota {
    fn observe(&self, context: &Context<'_>, spec: &AccountSpec, found: &Kept) -> Observed {
        let limits = found.limits.unwrap_or_default();
        let gauge = {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let gauge = Gauge::follow(shown.get(&spec.account), found, context.now);
            shown.insert(spec.account, gauge.clone());
            gauge
        };
        let shown =
            |limit: Option<u64>| limit.map_or_else(|| Value::from(Bound::Unlimited.to_string()), Value::from);
        let observed = Observed::new()
            .with("mechanism", found.mechanism.as_str())
            .with("limit_bytes", shown(limits.bytes))
            .with("used_bytes", gauge.bytes());
        match gauge.inodes() {
            Some(inodes) => observed.with("limit_inodes", shown(limits.inodes)).with("used_inodes", inodes),
            None => observed.with("inodes", "btrfs does not count files; their space counts"),
        }
    }
}

/// A sealed home keeps its limits; one that is to go has none, so that no record is left of it.
fn sealed(context: &Context<'_>, spec: &AccountSpec) -> Converged {
    if !spec.standing.is_purged() {
        return Ok(Observed::new().with("state", "sealed"));
    }
    let uid = spec.uid.get();
    for home in [layout::home(&spec.username), layout::trash(spec.uid)] {
        let ours = context
            .host
            .entry(&home)?
            .is_some_and(|found| found.is_dir() && found.attributes.owner.gid == uid);
        if ours
            && let Reading::Kept(kept) = context.host.quotas().quota(&home, uid)?
            && kept.limits.is_some_and(|limits| limits != QuotaLimits::default())
        {
            context.host.quotas().set_quota(&home, uid, QuotaLimits::default())?;
        }
    }
    Ok(Observed::new().with("state", "gone"))
}

fn read(context: &Context<'_>, home: &str, uid: u32) -> Result<Kept, Failure> {
    match context.host.quotas().quota(home, uid)? {
        Reading::Kept(quota) => Ok(quota),
        Reading::Lacking(lacking) => {
            Err(Failure::Unsupported(Problem::new(Code::QuotaUnsupported, lacking.detail).hint(lacking.hint)))
        }
    }
}

/// Limits in words.
fn shown(limits: QuotaLimits, mechanism: Mechanism) -> String {
    let word = |limit: Option<u64>| limit.map_or_else(|| Bound::Unlimited.to_string(), |max| max.to_string());
    let files =
        if mechanism.counts_inodes() { format!(", {} files", word(limits.inodes)) } else { String::new() };
    format!("{} bytes{files}", word(limits.bytes))
}

/// The limits that the kernel is given. It takes zero for no limit, so the least of all limits is one block and
/// one file; either is full from the beginning.
fn limits(spec: &AccountSpec) -> QuotaLimits {
    let max = |bound, unit: u64, least| match bound {
        Bound::Unlimited => None,
        // More bytes than a number holds are no limit.
        Bound::Max(max) => u64::checked_mul(max, unit).map(|limit| limit.max(least)),
    };
    QuotaLimits { bytes: max(spec.bounds.disk_mb, MIB, 1024), inodes: max(spec.bounds.inodes, 1, 1) }
}

#[cfg(test)]
mod tests;
