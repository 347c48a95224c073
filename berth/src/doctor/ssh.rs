//! Whether the SSH server reads the file that jails file transfer.

use super::{Finding, Host};

const CHECK: &str = "sshd-include";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let Some(text) = host.text("/etc/ssh/sshd_config") else {
        return vec![Finding::failed(
            CHECK,
            "/etc/ssh/sshd_config can't be read",
            "apt install openssh-server",
        )];
    };
    vec![if includes(&text) {
        Finding::ok(CHECK, "sshd_config includes sshd_config.d")
    } else {
        Finding::failed(
            CHECK,
            "sshd_config does not include sshd_config.d outside of a Match block, so file transfer is not jailed",
            "put `Include /etc/ssh/sshd_config.d/*.conf` at the top of /etc/ssh/sshd_config and reload ssh",
        )
    }]
}

/// Whether the directory is included for everybody: before the first `Match`, which lasts to the next one.
fn includes(text: &str) -> bool {
    for line in text.lines() {
        let mut words = line.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
        let Some(keyword) = words.next() else { continue };
        if keyword.eq_ignore_ascii_case("match") {
            return false;
        }
        if keyword.eq_ignore_ascii_case("include")
            && words.any(|word| {
                matches!(
                    word.trim_matches('"'),
                    "/etc/ssh/sshd_config.d/*.conf" | "sshd_config.d/*.conf" | "/etc/ssh/sshd_config.d/*"
                )
            })
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_include_counts_only_where_it_is_for_everybody() {
        for (text, expected) in [
            ("Include /etc/ssh/sshd_config.d/*.conf\nPort 22\n", true),
            ("# x\n\n  include \"/etc/ssh/sshd_config.d/*.conf\"\n", true),
            ("Include=/etc/ssh/sshd_config.d/*.conf\n", true),
            ("#Include /etc/ssh/sshd_config.d/*.conf\n", false),
            ("Match User x\nInclude /etc/ssh/sshd_config.d/*.conf\n", false),
            ("Include /etc/ssh/other.d/*.conf\n", false),
            ("", false),
        ] {
            assert_eq!(includes(text), expected, "{text:?}");
        }
    }
}
