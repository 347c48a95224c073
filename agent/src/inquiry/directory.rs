//! What a directory that a website names is like.

use berth_core::inquiry::Found;
use berth_core::website::LocalPath;
use berth_core::{Code, Problem};

use crate::host::{Host, Kind};

/// Owner and mode of a directory. The host follows no link on the way, so what a tenant has put in its place
/// is told as it is.
pub(super) fn look(host: &dyn Host, path: &LocalPath) -> Result<Found, Problem> {
    let refused = |what: &str| Problem::new(Code::NotFound, format!("{} {what}", path.as_str()));
    let Some(entry) = host.entry(path.as_str())? else { return Err(refused("does not exist on the server")) };
    match entry.kind {
        Kind::Directory => {}
        Kind::Link(_) => return Err(refused("is a link")),
        Kind::File | Kind::Socket | Kind::Other => return Err(refused("is not a directory")),
    }
    let owner = entry.attributes.owner;
    Ok(Found::Directory { owner: (owner.uid, owner.gid), mode: entry.attributes.mode })
}
