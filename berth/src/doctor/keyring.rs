//! Whether the keyring is there and private.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Finding;

const CHECK: &str = "keyring";

pub(super) fn check(path: &Path) -> Vec<Finding> {
    let shown = path.display();
    vec![match std::fs::metadata(path) {
        Ok(metadata) if metadata.mode().trailing_zeros() >= 6 => {
            Finding::ok(CHECK, format!("{shown} is private"))
        }
        Ok(metadata) => Finding::failed(
            CHECK,
            format!("others may read {shown} (mode {:03o})", metadata.mode() & 0o777),
            format!("chmod 600 {shown}"),
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => Finding::failed(
            CHECK,
            format!("{shown} is missing"),
            "run `berth setup` on a new host; on an old one restore it from a backup",
        ),
        Err(error) => Finding::warning(CHECK, format!("{shown}: {error}"), "run it as root"),
    }]
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn private_open_and_missing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        assert_eq!(check(&path)[0].severity, Severity::Failed);
        for (mode, severity) in [(0o600, Severity::Ok), (0o640, Severity::Failed)] {
            crate::files::replace(&path, b"{}", mode).unwrap();
            assert_eq!(check(&path)[0].severity, severity);
        }
    }
}
