//! What is on the node and not Berth's, so that nobody is given a name that is taken.

use std::collections::BTreeSet;

use berth_core::Parse;
use berth_core::layout;
use berth_core::link::Inventory;
use berth_core::name::Username;

use super::account::{field, lines};
use crate::host::{Host, HostError};

/// Names and left-over homes that a username could have and no account of ours has.
///
/// # Errors
/// A file or `/home` can't be read.
pub fn take(host: &dyn Host, ours: &BTreeSet<String>) -> Result<Inventory, HostError> {
    let foreign = |name: &str| !ours.contains(name) && Username::parse(name).is_ok();
    let mut names = BTreeSet::new();
    for path in ["/etc/passwd", "/etc/group"] {
        let bytes = host.read(path)?.unwrap_or_default();
        let found = lines(&bytes).filter_map(|line| str::from_utf8(field(line, 0)).ok());
        names.extend(found.filter(|name| foreign(name)).map(str::to_owned));
    }
    let homes = host.list(layout::HOME_ROOT)?.into_iter().filter(|name| foreign(name)).collect();
    Ok(Inventory { names: names.into_iter().collect(), homes })
}
