//! Settings of the agent.

use std::path::PathBuf;
use std::time::Duration;

/// What the agent needs to know to start. The binary reads it from the configuration file.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Unix socket of the server (`listen.agent`).
    pub socket: PathBuf,
    /// Where the ledger is.
    pub ledger_dir: PathBuf,
    /// Converge into this directory instead of the host.
    pub render: Option<PathBuf>,
    /// Groups that every account joins beside `berth-sftp` (`account.extra_groups`).
    pub extra_groups: Vec<String>,
    /// Time between two audits.
    pub audit_every: Duration,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            socket: PathBuf::from("/run/berth/server/agent.sock"),
            ledger_dir: PathBuf::from("/var/lib/berth/agent"),
            render: None,
            extra_groups: Vec::new(),
            audit_every: Duration::from_mins(1),
        }
    }
}
