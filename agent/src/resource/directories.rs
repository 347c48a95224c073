//! The directories that accounts share, made once per pass and before any account, so that accounts that
//! converge at the same time don't get into each other's way. On an installed node they are there already.

use berth_core::{Problem, layout};

use super::{Accounts, Context, SharedOutcome, SharedResource};
use crate::host::{Attributes, Host, HostError, Owner};

/// Parents come before what is in them.
const DIRECTORIES: &[&str] = &[
    "/etc/berth",
    layout::KEYS_DIR,
    layout::PHP_CONFIG_DIR,
    layout::TIMERS_DIR,
    "/run/berth",
    layout::PHP_SOCKET_DIR,
];

/// Shared directories.
pub struct Directories;

impl SharedResource for Directories {
    fn name(&self) -> &'static str {
        "directories"
    }

    fn is_first(&self) -> bool {
        true
    }

    fn commit(&self, context: &Context<'_>, _accounts: &Accounts<'_>) -> SharedOutcome {
        let failed = DIRECTORIES.iter().filter_map(|path| demand(context.host, path).err());
        SharedOutcome { node: failed.map(Problem::from).collect(), ..SharedOutcome::default() }
    }
}

fn demand(host: &dyn Host, path: &str) -> Result<(), HostError> {
    let wanted = Attributes::plain(Owner::ROOT, 0o755);
    match host.entry(path)? {
        None => host.make_dir(path, &wanted, &[]),
        Some(found) if found.attributes == wanted => Ok(()),
        Some(_) => host.set_attributes(path, &wanted),
    }
}
