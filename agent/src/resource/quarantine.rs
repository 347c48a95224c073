//! Moving a left-over home aside: sealed, nothing in it touched.

use berth_core::layout;
use berth_core::link::Quarantine;
use berth_core::{Code, Problem};

use crate::host::{Attributes, Host, Owner};

/// Moves `/home/<username>` into the quarantine and says where it is. Doing it again says the same.
///
/// # Errors
/// There is nothing to move, or it is not a directory, or moving failed.
pub fn carry_out(host: &dyn Host, order: &Quarantine) -> Result<String, Problem> {
    let home = layout::home(&order.username);
    let target = format!("{}/{}-{}", layout::QUARANTINE_DIR, order.username, order.id);
    seal(host)?;
    if host.entry(&target)?.is_some() {
        return Ok(target);
    }
    match host.entry(&home)? {
        None => {
            return Err(Problem::new(Code::NotFound, format!("{home} does not exist on the node")));
        }
        Some(found) if !found.is_dir() => {
            return Err(Problem::new(Code::HostFailed, format!("{home} is not a directory"))
                .hint("look at it on the node, and move it away by hand"));
        }
        Some(_) => {}
    }
    host.move_dir(&home, &target)?;
    Ok(target)
}

/// Why a home of ours is not moved.
pub fn in_use(order: &Quarantine) -> Problem {
    let detail = format!("{} is the home of an account", layout::home(&order.username));
    Problem::new(Code::UsernameTaken, detail).hint("only homes that are left over can be moved aside")
}

/// Nobody but root gets into the quarantine.
fn seal(host: &dyn Host) -> Result<(), Problem> {
    let wanted = Attributes::plain(Owner::ROOT, 0o700);
    match host.entry(layout::QUARANTINE_DIR)? {
        None => host.make_dir(layout::QUARANTINE_DIR, &wanted, &[])?,
        Some(found) if !found.is_dir() => {
            let detail = format!("{} is not a directory", layout::QUARANTINE_DIR);
            return Err(Problem::new(Code::HostFailed, detail));
        }
        Some(found) if found.attributes == wanted => {}
        Some(_) => host.set_attributes(layout::QUARANTINE_DIR, &wanted)?,
    }
    Ok(())
}
