//! `berth backup` and `berth restore`: database, keyring, certificates and configuration in one file.

mod archive;
mod database;
mod restore;
mod save;
mod taken;

pub(crate) use database::{export as export_database, import as import_database};
pub(crate) use restore::{Restored, Target, restore};
pub(crate) use save::{Saved, save};

/// Names of the parts in an archive.
mod part {
    pub(super) const DATABASE: &str = "database.jsonl";
    pub(super) const KEYRING: &str = "keyring";
    pub(super) const CONFIGURATION: &str = "berth.toml";
    pub(super) const PANEL_CERTIFICATE: &str = "panel.crt";
    pub(super) const PANEL_KEY: &str = "panel.key";
    pub(super) const SITES: &str = "sites/";

    /// Whether a name is one that an archive may hold. Everything else is refused, so no name can lead
    /// anywhere but to its own place.
    pub(super) fn is_known(name: &str) -> bool {
        if [DATABASE, KEYRING, CONFIGURATION, PANEL_CERTIFICATE, PANEL_KEY].contains(&name) {
            return true;
        }
        name.strip_prefix(SITES).is_some_and(is_site_file)
    }

    /// Whether this is the name of a certificate or key of a site: a host name, or the hash of one.
    pub(super) fn is_site_file(name: &str) -> bool {
        let host = name.strip_suffix(".crt").or_else(|| name.strip_suffix(".key"));
        host.is_some_and(|host| {
            (1..=253).contains(&host.len())
                && !host.starts_with(['.', '-'])
                && !host.contains("..")
                && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_names_that_lead_to_their_own_place() {
            for ok in ["database.jsonl", "keyring", "berth.toml", "sites/a.example.crt", "sites/_ab12.key"] {
                assert!(is_known(ok), "{ok}");
            }
            for bad in [
                "",
                "/etc/passwd",
                "../keyring",
                "sites/",
                "sites/.crt",
                "sites/../../etc/cron.d/x.crt",
                "sites/a/b.crt",
                "sites/a..b.crt",
                "sites/-a.crt",
                "sites/a.pem",
                "sites/A.crt",
                "sites/a\n.crt",
                "keyring/",
                "./keyring",
            ] {
                assert!(!is_known(bad), "{bad}");
            }
        }
    }
}
