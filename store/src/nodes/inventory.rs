//! Names on a node that are not Berth's.

use berth_core::id::NodeId;
use berth_core::link::Inventory;
use berth_core::name::Username;

use crate::value::to_json;
use crate::{Result, Tx};

statements! {
    FORGET => ["DELETE FROM node_names WHERE node_id = $1 AND kind = $2"];
    REMEMBER => [
        "INSERT INTO node_names (node_id, kind, name) SELECT $1, $2, j.value FROM json_each($3) j WHERE true \
         ON CONFLICT DO NOTHING",
        "INSERT INTO node_names (node_id, kind, name) \
         SELECT $1, $2, j.value FROM jsonb_array_elements_text($3::jsonb) j (value) ON CONFLICT DO NOTHING",
    ];
    KINDS => ["SELECT kind FROM node_names WHERE node_id = $1 AND name = $2"];
    FORGET_HOME => ["DELETE FROM node_names WHERE node_id = $1 AND kind = 'home' AND name = $2"];
}

const ACCOUNT: &str = "account";
const HOME: &str = "home";

/// What a node has under a name that Berth does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ForeignNames {
    /// An account or a group.
    pub account: bool,
    /// A directory below `/home`.
    pub home: bool,
}

/// Replaces what is known of a node's foreign names.
pub async fn set_inventory(tx: &mut Tx, node: NodeId, inventory: &Inventory) -> Result<()> {
    for (kind, names) in [(ACCOUNT, &inventory.names), (HOME, &inventory.homes)] {
        execute!(tx, FORGET, node.0, kind)?;
        execute!(tx, REMEMBER, node.0, kind, to_json("names", names)?)?;
    }
    Ok(())
}

/// What a node has under a name, as far as its agent has told.
pub async fn foreign(tx: &mut Tx, node: NodeId, name: &Username) -> Result<ForeignNames> {
    let kinds = fetch_all!(tx, (String,), KINDS, node.0, name.as_str())?;
    Ok(ForeignNames {
        account: kinds.iter().any(|(kind,)| kind == ACCOUNT),
        home: kinds.iter().any(|(kind,)| kind == HOME),
    })
}

/// Whether a node has an account or a group that is not Berth's under one of these names.
pub async fn foreign_account(tx: &mut Tx, node: NodeId, names: &[&str]) -> Result<bool> {
    for name in names {
        let kinds = fetch_all!(tx, (String,), KINDS, node.0, *name)?;
        if kinds.iter().any(|(kind,)| kind == ACCOUNT) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Forgets a left-over home that has been moved aside.
pub(super) async fn forget_home(tx: &mut Tx, node: NodeId, name: &Username) -> Result<()> {
    execute!(tx, FORGET_HOME, node.0, name.as_str())?;
    Ok(())
}
