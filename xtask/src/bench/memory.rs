//! Idle memory of `serve` and `agent`.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::node::Node;

/// What follows a burst of creates, such as reports and released buffers, is over by then.
const SETTLED_AFTER: Duration = Duration::from_secs(20);

/// Proportional set sizes in MiB: memory that several processes share is counted once in all.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Memory {
    /// Of the server.
    pub(super) serve_mib: f64,
    /// Of the agent.
    pub(super) agent_mib: f64,
}

/// Waits for quiet and measures.
pub(super) fn measure(node: &Node) -> Result<Memory> {
    std::thread::sleep(SETTLED_AFTER);
    Ok(Memory {
        serve_mib: of_unit(node, "berth.service")?,
        agent_mib: of_unit(node, "berth-agent.service")?,
    })
}

fn of_unit(node: &Node, unit: &str) -> Result<f64> {
    let id = node.run(["systemctl", "show", "--property=MainPID", "--value", unit])?;
    let text = node.run(["cat", &format!("/proc/{}/smaps_rollup", id.trim())])?;
    mebibytes(&text).with_context(|| format!("no size in what the kernel says about {unit}: {text}"))
}

fn mebibytes(rollup: &str) -> Option<f64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kibibytes / 1024.0 * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proportional_size_is_read() {
        let text =
            "55e0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:    20480 kB\nPss:    10240 kB\nPss_Anon: 1 kB\n";
        assert_eq!(mebibytes(text), Some(10.0));
        assert_eq!(mebibytes("Pss_Anon: 1 kB\n"), None);
    }
}
