//! Whether the firewall can be used.

use super::Finding;
use crate::output::clean;
use crate::process::{self, NFT};

const CHECK: &str = "nftables";

pub(super) fn check() -> Vec<Finding> {
    if !rustix::process::geteuid().is_root() {
        return vec![Finding::warning(CHECK, "only root can ask the firewall", "run it as root")];
    }
    vec![match process::run(NFT, &["list", "tables"]) {
        Ok(output) if output.status.success() => Finding::ok(CHECK, "it can be used"),
        Ok(output) => Finding::failed(
            CHECK,
            clean(String::from_utf8_lossy(&output.stderr).trim()),
            "boot a kernel with nf_tables, or give this container the right to change its network",
        ),
        Err(error) => Finding::failed(CHECK, format!("{NFT}: {error}"), "apt install nftables"),
    }]
}
