//! Whose a changed thing is, by the names in its path.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use berth_core::id::AccountId;
use berth_core::layout;
use berth_core::spec::{AccountSpec, SiteSpec};

use super::Change;

/// Every name that stands for an account in paths: username, number, hosts.
pub(super) struct Names(HashMap<String, AccountId>);

/// Endings of our files after such a name.
const ENDINGS: [&str; 4] = [".conf", ".sock", ".crt", ".key"];

impl Names {
    pub(super) fn of(specs: &BTreeMap<AccountId, Arc<AccountSpec>>) -> Self {
        let mut names = HashMap::new();
        for (account, spec) in specs {
            names.insert(spec.username.to_string(), *account);
            names.insert(spec.uid.to_string(), *account);
            for host in spec.sites.iter().flat_map(SiteSpec::hosts) {
                names.insert(layout::host_file(host), *account);
            }
        }
        Self(names)
    }

    /// The account of a change, as noted, or by what its path or what was found there names.
    pub(super) fn owner(&self, change: &Change) -> Option<AccountId> {
        if change.account.is_some() {
            return change.account;
        }
        let linked = change.found.as_deref().and_then(|found| found.strip_prefix("link to "));
        [Some(change.object.as_str()), linked].into_iter().flatten().find_map(|path| self.named(path))
    }

    fn named(&self, path: &str) -> Option<AccountId> {
        path.split('/').find_map(|part| {
            let bare = ENDINGS.iter().find_map(|ending| part.strip_suffix(ending));
            [Some(part), bare].into_iter().flatten().find_map(|name| self.0.get(name).copied())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::testing::spec;

    #[test]
    fn a_path_tells_whose_it_is() {
        let (bob, smith) = (spec("bob", 1, 1), spec("bob-smith", 2, 1));
        let specs =
            BTreeMap::from([(bob.account, Arc::new(bob.clone())), (smith.account, Arc::new(smith.clone()))]);
        let names = Names::of(&specs);
        let owner = |object: &str, found: Option<&str>| {
            let found = found.map(str::to_owned);
            names.owner(&Change { account: None, object: object.to_owned(), found, made: None })
        };
        assert_eq!(owner("/etc/berth/keys/bob", None), Some(bob.account));
        assert_eq!(owner("/home/bob-smith/domains", None), Some(smith.account));
        assert_eq!(owner(&layout::php_config(smith.uid), None), Some(smith.account));
        assert_eq!(owner("/var/lib/berth/www/bob.example.com", None), Some(bob.account));
        assert_eq!(owner("/var/lib/berth/tls/ftp.bob-smith.example.com.key", None), None, "no such host");
        assert_eq!(
            owner("/var/lib/berth/www/x.example", Some("link to /home/bob/domains/x")),
            Some(bob.account)
        );
        assert_eq!(owner("/etc/berth/nginx/nginx.conf", None), None);
    }
}
