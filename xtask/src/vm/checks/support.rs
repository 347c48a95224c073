//! What the checks have in common.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::node::Node;
use crate::suite::support::{Tenant, berth_json, text};

/// Has the agent look at everything and waits until it has.
pub(super) fn audit(node: &Node) -> Result<()> {
    node.run(["berth", "node", "audit", "--now", "--wait", "--timeout", "600"])?;
    Ok(())
}

/// All conditions of a user.
pub(super) fn conditions(node: &Node, user: &str) -> Result<Vec<Value>> {
    let answer = berth_json(node, &["user", "conditions", user])?;
    let list = answer.get("conditions").and_then(Value::as_array);
    Ok(list.with_context(|| format!("no conditions in {answer}"))?.clone())
}

/// What the account's resource reports.
pub(super) fn condition(node: &Node, tenant: &Tenant, resource: &str) -> Result<Value> {
    let all = conditions(node, &tenant.name)?;
    let found = all.iter().find(|one| text(one, "/resource").is_ok_and(|name| name == resource)).cloned();
    found.with_context(|| format!("no condition of {resource}: {all:?}"))
}

/// A number that was read back.
pub(super) fn observed(condition: &Value, name: &str) -> Option<u64> {
    condition.pointer(&format!("/observed/{name}")).and_then(Value::as_u64)
}
