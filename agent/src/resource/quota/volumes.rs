//! Volumes that tenants make inside their homes, where the file system has such: all of them count in the quota
//! of the home that they lie in.

use berth_core::{Problem, layout};

use crate::host::{Host, HostError};
use crate::resource::{Accounts, Context, SharedOutcome, SharedResource};

/// Membership of volumes, looked at as a whole with each audit.
pub struct Volumes;

impl SharedResource for Volumes {
    fn name(&self) -> &'static str {
        "volumes"
    }

    fn commit(&self, context: &Context<'_>, accounts: &Accounts<'_>) -> SharedOutcome {
        if !accounts.audit {
            return SharedOutcome::default();
        }
        let node = adopt(context.host, 0).err().map(Problem::from);
        SharedOutcome { node: node.into_iter().collect(), ..SharedOutcome::default() }
    }
}

/// Has volumes above a number count where they lie; says which one is the newest.
///
/// # Errors
/// They can't be looked at, or one of them can't be assigned.
pub fn adopt(host: &dyn Host, newer_than: u64) -> Result<u64, HostError> {
    let adoptions = host.quotas().adopt_volumes(layout::HOME_ROOT, newer_than)?;
    for adoption in &adoptions.adopted {
        tracing::warn!(
            volume = adoption.volume,
            uid = adoption.uid,
            formerly = ?adoption.formerly,
            "a volume in a home counts in its account's quota now"
        );
    }
    Ok(adoptions.newest)
}
