//! Whether the clock is kept right: certificates, second factors and logs depend on it.

use super::{Finding, Host};
use crate::process::{self, TIMEDATECTL};

const CHECK: &str = "clock";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    if host.exists("/run/systemd/timesync/synchronized") {
        return vec![Finding::ok(CHECK, "synchronised")];
    }
    let asked = process::run(TIMEDATECTL, &["show", "--property=NTPSynchronized", "--value"]);
    vec![match asked {
        Ok(output) if output.status.success() && output.stdout.starts_with(b"yes") => {
            Finding::ok(CHECK, "synchronised")
        }
        Ok(output) if output.status.success() => Finding::warning(
            CHECK,
            "the clock is not synchronised",
            "apt install systemd-timesyncd, then: timedatectl set-ntp true (a container has its host's clock)",
        ),
        _ => Finding::warning(
            CHECK,
            "whether the clock is synchronised can't be seen",
            "check it with timedatectl on the host",
        ),
    }]
}
