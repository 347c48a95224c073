//! Homes of accounts in the trash: moved where only root gets in, brought back, or removed.

use berth_core::layout;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem};

use super::{MARK, in_the_way};
use crate::host::{Attributes, Entry, Owner};
use crate::ledger::Marks;
use crate::resource::{Context, Converged, Failure, Observed};

/// Sees to it that nothing of the home can be reached, or that nothing of it is left.
pub(super) fn converge(context: &Context<'_>, spec: &AccountSpec, marks: &mut Marks) -> Converged {
    seal(context, spec, marks)?;
    let trash = layout::trash(spec.uid);
    if !spec.standing.is_purged() {
        let there = context.host.entry(&trash)?.is_some();
        return Ok(Observed::new().with("state", "sealed").with("path", trash).with("there", there));
    }
    context.host.remove_tree(&trash)?;
    marks.clear(MARK);
    Ok(Observed::new().with("state", "gone"))
}

/// Moves the home into the trash, if it is in its place and ours.
fn seal(context: &Context<'_>, spec: &AccountSpec, marks: &Marks) -> Result<(), Failure> {
    let (home, trash) = (layout::home(&spec.username), layout::trash(spec.uid));
    let Some(found) = context.host.entry(&home)? else { return Ok(()) };
    if !is_ours(&found, spec, marks) {
        // Somebody else's, which has come into the place of ours.
        return Ok(());
    }
    if context.host.entry(&trash)?.is_some() {
        let detail = format!("{home} is there again, although {trash} holds the home of {}", spec.username);
        return Err(Problem::new(Code::HomeExists, detail)
            .hint(format!("look at both, and remove {home}"))
            .into());
    }
    demand_trash(context)?;
    Ok(context.host.move_dir(&home, &trash)?)
}

/// Moves the home out of the trash, if it is there.
pub(super) fn bring_back(context: &Context<'_>, spec: &AccountSpec) -> Result<(), Failure> {
    let (home, trash) = (layout::home(&spec.username), layout::trash(spec.uid));
    if context.host.entry(&trash)?.is_none() {
        return Ok(());
    }
    if context.host.entry(&home)?.is_some() {
        let detail = format!("{home} is in the way of the home that comes back from the trash");
        return Err(Problem::new(Code::HomeExists, detail)
            .hint(format!("move {home} away on the node; this heals by itself then"))
            .into());
    }
    Ok(context.host.move_dir(&trash, &home)?)
}

/// The group's number is never used again, so a directory with it can only be of this account.
fn is_ours(found: &Entry, spec: &AccountSpec, marks: &Marks) -> bool {
    found.is_dir()
        && (found.attributes.owner == Owner::root_with(spec.uid.get()) || marks.get(MARK).is_some())
}

fn demand_trash(context: &Context<'_>) -> Result<(), Failure> {
    let wanted = Attributes::plain(Owner::ROOT, 0o700);
    match context.host.entry(layout::TRASH_DIR)? {
        None => match context.host.make_dir(layout::TRASH_DIR, &wanted, &[]) {
            // Another account of the same pass was quicker.
            Err(error) => match context.host.entry(layout::TRASH_DIR)? {
                Some(found) if found.is_dir() => Ok(()),
                _ => Err(error.into()),
            },
            Ok(()) => Ok(()),
        },
        Some(found) if !found.is_dir() => Err(in_the_way(layout::TRASH_DIR)),
        Some(found) if found.attributes == wanted => Ok(()),
        Some(_) => Ok(context.host.set_attributes(layout::TRASH_DIR, &wanted)?),
    }
}
