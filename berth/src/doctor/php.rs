//! Whether the distribution's own PHP pools are off: who reaches their socket runs code as a user whose group
//! other software trusts.

use std::path::Path;

use super::{Finding, Host};

const CHECK: &str = "stock-php";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let units: Vec<String> = host
        .names("/usr/lib/systemd/system")
        .into_iter()
        .filter(|name| name.starts_with("php") && name.ends_with("-fpm.service"))
        .collect();
    if units.is_empty() {
        return vec![Finding::failed(CHECK, "PHP is not installed", "apt install php8.4-fpm")];
    }
    units
        .into_iter()
        .map(|unit| {
            let mask = host.link(&format!("/etc/systemd/system/{unit}"));
            if mask.as_deref() == Some(Path::new("/dev/null")) {
                Finding::ok(CHECK, format!("{unit} is masked"))
            } else {
                Finding::failed(
                    CHECK,
                    format!("{unit} can run a pool that every local user may reach"),
                    format!("systemctl mask --now {unit}"),
                )
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Severity, sample};
    use super::*;

    #[test]
    fn every_version_must_be_masked() {
        let unit = ("/usr/lib/systemd/system/php8.4-fpm.service", "[Unit]");
        let other = ("/usr/lib/systemd/system/php8.3-fpm.service", "[Unit]");
        let masked = ("/etc/systemd/system/php8.4-fpm.service", "-> /dev/null");
        let severities = |files: &[(&str, &str)]| -> Vec<Severity> {
            let (_dir, host) = sample::host(files);
            check(&host).iter().map(|finding| finding.severity).collect()
        };
        assert_eq!(severities(&[unit, masked]), [Severity::Ok]);
        assert_eq!(severities(&[unit, other, masked]), [Severity::Failed, Severity::Ok]);
        assert_eq!(severities(&[("/etc/hostname", "x")]), [Severity::Failed]);
    }
}
