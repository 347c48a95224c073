//! Entries of web users in the account files: ours are those whose home lies in our tree.

use std::collections::{HashMap, HashSet};

use berth_core::account::Uid;
use berth_core::layout;
use berth_core::spec::{AccountSpec, WebUserSpec};
use berth_core::standing::Standing;

use super::edit::Files;
use super::table::{Fate, field, lines, members, number, rewritten};

/// The files with the entries of all web users of the given accounts brought about, and those of web users that
/// the accounts have no longer taken away. Whoever has a name or number that is somebody else's is left out.
pub(super) fn edited(files: Files, specs: &[&AccountSpec], day: i64) -> Files {
    let accounts: HashSet<u32> = specs.iter().map(|spec| spec.uid.get()).collect();
    let mut wanted: HashMap<&[u8], (&AccountSpec, &WebUserSpec)> = HashMap::new();
    for spec in specs.iter().filter(|spec| spec.standing != Standing::Purged) {
        for user in &spec.web_users {
            wanted.insert(user.login.as_str().as_bytes(), (spec, user));
        }
    }
    let Some(passwd) = files.passwd.as_deref() else { return files };
    let mut gone: HashSet<Vec<u8>> = HashSet::new();
    for line in lines(passwd) {
        let name = field(line, 0);
        let is_wanted = wanted.get(name).is_some_and(|(_, user)| number(line, 2) == Some(user.uid.get()));
        match owner(field(line, 5)) {
            Some(account) if accounts.contains(&account) && !is_wanted => {
                gone.insert(name.to_vec());
            }
            Some(_) => {}
            None => {
                wanted.remove(name);
                wanted.retain(|_, (_, user)| number(line, 2) != Some(user.uid.get()));
            }
        }
    }
    let group = files.group.as_deref().unwrap_or_default();
    for line in lines(group).filter(|line| !gone.contains(field(line, 0))) {
        let foreign =
            |name: &[u8], uid: Uid| (field(line, 0) == name) != (number(line, 2) == Some(uid.get()));
        wanted.retain(|name, (_, user)| !foreign(name, user.uid));
    }
    if !lines(group).any(|line| field(line, 0) == layout::WEB_USER_GROUP.as_bytes()) {
        // Without it the SSH server would not know a web user for one, and not jail them.
        wanted.clear();
    }
    if wanted.is_empty() && gone.is_empty() {
        return files;
    }
    let edit = Edit { wanted, gone, day };
    Files {
        group: files.group.as_deref().map(|bytes| edit.group(bytes)),
        gshadow: files.gshadow.as_deref().map(|bytes| {
            edit.entries(
                bytes,
                |_, _, user| format!("{}:!::", user.login).into_bytes(),
                |line| edit.join(line),
            )
        }),
        shadow: files.shadow.as_deref().map(|bytes| edit.shadow(bytes)),
        passwd: files.passwd.as_deref().map(|bytes| edit.passwd(bytes)),
    }
}

/// The account whose web user has this home.
fn owner(home: &[u8]) -> Option<u32> {
    let rest = str::from_utf8(home).ok()?.strip_prefix(layout::WEB_USERS_ROOT)?.strip_prefix('/')?;
    rest.split_once('/')?.0.parse().ok()
}

struct Edit<'a> {
    wanted: HashMap<&'a [u8], (&'a AccountSpec, &'a WebUserSpec)>,
    gone: HashSet<Vec<u8>>,
    day: i64,
}

impl Edit<'_> {
    fn passwd(&self, bytes: &[u8]) -> Vec<u8> {
        let entry = |_: Option<&[u8]>, spec: &AccountSpec, user: &WebUserSpec| {
            let home = layout::web_user_home(spec.uid, user.uid);
            let (login, uid, of) = (&user.login, user.uid, &spec.username);
            format!("{login}:x:{uid}:{uid}:web user of {of}:{home}:/usr/sbin/nologin").into_bytes()
        };
        self.entries(bytes, entry, |_| Fate::Keep)
    }

    fn shadow(&self, bytes: &[u8]) -> Vec<u8> {
        let entry = |found: Option<&[u8]>, spec: &AccountSpec, user: &WebUserSpec| {
            let open = spec.standing.is_open() && spec.sftp.enabled;
            let password = user.password.as_ref().filter(|_| open).map_or("!", |hash| hash.as_str());
            match found {
                Some(line) if field(line, 1) == password.as_bytes() => line.to_vec(),
                _ => format!("{}:{password}:{}:0:99999:7:::", user.login, self.day).into_bytes(),
            }
        };
        self.entries(bytes, entry, |_| Fate::Keep)
    }

    fn group(&self, bytes: &[u8]) -> Vec<u8> {
        let entry = |_: Option<&[u8]>, _: &AccountSpec, user: &WebUserSpec| {
            format!("{}:x:{}:", user.login, user.uid).into_bytes()
        };
        self.entries(bytes, entry, |line| self.join(line))
    }

    fn entries(
        &self,
        bytes: &[u8],
        entry: impl Fn(Option<&[u8]>, &AccountSpec, &WebUserSpec) -> Vec<u8>,
        other: impl Fn(&[u8]) -> Fate,
    ) -> Vec<u8> {
        let seen = std::cell::RefCell::new(HashSet::new());
        let fate = |line: &[u8]| {
            let name = field(line, 0);
            if let Some((name, (spec, user))) = self.wanted.get_key_value(name) {
                if !seen.borrow_mut().insert(*name) {
                    return Fate::Drop;
                }
                let new = entry(Some(line), spec, user);
                return if new == line { Fate::Keep } else { Fate::Become(new) };
            }
            if self.gone.contains(name) { Fate::Drop } else { other(line) }
        };
        rewritten(bytes, fate, || {
            let seen = seen.borrow();
            let mut absent: Vec<_> = self.wanted.iter().filter(|(name, _)| !seen.contains(*name)).collect();
            absent.sort_by_key(|(_, (_, user))| user.uid);
            absent.into_iter().map(|(_, (spec, user))| entry(None, spec, user)).collect()
        })
    }

    /// The group of all web users, with ours among its members and without those that are gone.
    fn join(&self, line: &[u8]) -> Fate {
        if field(line, 0) != layout::WEB_USER_GROUP.as_bytes() {
            return Fate::Keep;
        }
        let mut names: Vec<&[u8]> =
            members(field(line, 3)).filter(|name| !self.gone.contains(*name)).collect();
        let present: HashSet<&[u8]> = names.iter().copied().collect();
        let mut missing: Vec<_> = self.wanted.iter().filter(|(name, _)| !present.contains(*name)).collect();
        missing.sort_by_key(|(_, (_, user))| user.uid);
        names.extend(missing.into_iter().map(|(name, _)| *name));
        let new = [field(line, 0), field(line, 1), field(line, 2), &names.join(&b',')].join(&b':');
        if new == line { Fate::Keep } else { Fate::Become(new) }
    }
}

#[cfg(test)]
mod tests {
    use berth_core::Parse;
    use berth_core::id::DomainId;
    use berth_core::web_user::{CryptHash, WebUserLogin};

    use super::*;
    use crate::reconcile::testing::spec;

    fn files() -> Files {
        Files {
            group: Some(b"root:x:0:\nberth-webuser:x:990:\nalice:x:1900000002:\n".to_vec()),
            gshadow: Some(b"root:*::\nberth-webuser:!::\n".to_vec()),
            shadow: Some(b"root:*:1:0:99999:7:::\n".to_vec()),
            passwd: Some(b"root:x:0:0:root:/root:/bin/bash\n".to_vec()),
        }
    }

    fn with_user(login: &str) -> AccountSpec {
        let mut spec = spec("alice", 1, 1);
        spec.web_users = vec![WebUserSpec {
            login: WebUserLogin::parse(login).unwrap(),
            uid: Uid::try_from(1_900_000_050).unwrap(),
            domain: DomainId(uuid::Uuid::nil()),
            password: Some(CryptHash::parse("$6$salt$hash").unwrap()),
            quota: None,
            php: true,
        }];
        spec
    }

    fn text(bytes: Option<Vec<u8>>) -> String {
        String::from_utf8(bytes.unwrap()).unwrap()
    }

    #[test]
    fn entries_come_are_locked_and_go_without_a_trace() {
        let mut spec = with_user("myWeb");
        let made = edited(files(), &[&spec], 20_000);
        let home = layout::web_user_home(spec.uid, spec.web_users[0].uid);
        assert!(text(made.passwd.clone()).ends_with(&format!(
            "myWeb:x:1900000050:1900000050:web user of alice:{home}:/usr/sbin/nologin\n"
        )));
        assert!(text(made.shadow.clone()).contains("myWeb:$6$salt$hash:20000:"));
        assert!(text(made.group.clone()).contains("berth-webuser:x:990:myWeb\n"));
        assert_eq!(edited(made.clone(), &[&spec], 20_001), made, "nothing to do");
        let mut closed = spec.clone();
        closed.standing = Standing::Suspended;
        assert!(text(edited(made.clone(), &[&closed], 1).shadow).contains("myWeb:!:"));
        spec.web_users.clear();
        assert_eq!(edited(made, &[&spec], 20_000), files());
    }

    #[test]
    fn somebody_elses_name_or_number_is_left_alone() {
        let spec = with_user("stranger");
        let mut there = files();
        there.passwd = Some(b"stranger:x:1001:1001::/:/bin/sh\n".to_vec());
        assert_eq!(edited(there.clone(), &[&spec], 1), there);
        there.passwd = Some(b"other:x:1900000050:100::/:/bin/sh\n".to_vec());
        assert_eq!(edited(there.clone(), &[&with_user("myWeb")], 1), there);
        let mut without = files();
        without.group = Some(b"root:x:0:\n".to_vec());
        assert_eq!(edited(without.clone(), &[&with_user("myWeb")], 1), without, "no group, no web users");
    }
}
