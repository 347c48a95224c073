//! The edit itself: from what the files hold to what they shall hold. Pure, one scan per file.

use std::collections::{BTreeMap, HashMap, HashSet};

use berth_core::id::AccountId;
use berth_core::layout;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem};

use super::table::{Fate, field, lines, members, number, rewritten};
use crate::resource::{Converged, Observed};

/// The four files; `None` for one that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `/etc/group`.
    pub group: Option<Vec<u8>>,
    /// `/etc/gshadow`.
    pub gshadow: Option<Vec<u8>>,
    /// `/etc/shadow`.
    pub shadow: Option<Vec<u8>>,
    /// `/etc/passwd`.
    pub passwd: Option<Vec<u8>>,
}

/// An edit's result.
#[derive(Debug)]
pub struct Edited {
    /// The files as they shall be.
    pub files: Files,
    /// Accounts that were left out, because somebody else has their name or number.
    pub refused: BTreeMap<AccountId, Problem>,
}

/// Group of the web server, which no tenant ever joins.
const FORBIDDEN_GROUP: &[u8] = layout::WEB_USER.as_bytes();

impl Files {
    /// The files with the entries of all given accounts brought about. `day` is the date of a new locked
    /// password, in days since 1970.
    pub fn edited(&self, specs: &[&AccountSpec], extra_groups: &[String], day: i64) -> Edited {
        let mut refused = self.foreign(specs);
        let joined: Vec<&[u8]> = super::groups(extra_groups).map(str::as_bytes).collect();
        if let Some(missing) = self.missing_group(&joined) {
            let problem = Problem::new(Code::HostFailed, format!("the group {missing} does not exist"))
                .hint("make it with `systemd-sysusers`, or take it out of account.extra_groups");
            refused.extend(specs.iter().map(|spec| (spec.account, problem.clone())));
        }
        let ours: HashMap<&[u8], &AccountSpec> = specs
            .iter()
            .filter(|spec| !refused.contains_key(&spec.account))
            .map(|spec| (spec.username.as_str().as_bytes(), *spec))
            .collect();
        let edit = Edit { ours: &ours, joined: &joined, day };
        let apply =
            |bytes: &Option<Vec<u8>>, edit_file: &dyn Fn(&[u8]) -> Vec<u8>| bytes.as_deref().map(edit_file);
        let files = Self {
            group: apply(&self.group, &|bytes| edit.group(bytes)),
            gshadow: apply(&self.gshadow, &|bytes| edit.gshadow(bytes)),
            shadow: apply(&self.shadow, &|bytes| edit.shadow(bytes)),
            passwd: apply(&self.passwd, &|bytes| edit.passwd(bytes)),
        };
        Edited { files, refused }
    }

    /// Accounts whose name or number somebody else has.
    fn foreign(&self, specs: &[&AccountSpec]) -> BTreeMap<AccountId, Problem> {
        let by_name: HashMap<&[u8], &AccountSpec> =
            specs.iter().map(|spec| (spec.username.as_str().as_bytes(), *spec)).collect();
        let by_number: HashMap<u32, &AccountSpec> =
            specs.iter().map(|spec| (spec.uid.get(), *spec)).collect();
        let mut refused = BTreeMap::new();
        for (bytes, what, file) in
            [(&self.passwd, "account", "/etc/passwd"), (&self.group, "group", "/etc/group")]
        {
            for line in lines(bytes.as_deref().unwrap_or_default()) {
                let (name, found) = (field(line, 0), number(line, 2));
                let same_name = by_name.get(name).filter(|spec| found != Some(spec.uid.get()));
                let same_number = found
                    .and_then(|found| by_number.get(&found))
                    .filter(|spec| spec.username.as_str().as_bytes() != name);
                for spec in same_name.into_iter().chain(same_number) {
                    let name = String::from_utf8_lossy(name).into_owned();
                    let number =
                        found.map_or_else(|| "without number".to_owned(), |n| format!("with number {n}"));
                    refused.entry(spec.account).or_insert_with(|| {
                        Problem::new(
                            Code::AccountForeign,
                            format!("{file} has the {what} {name} {number}, which Berth did not make"),
                        )
                        .hint(format!(
                            "remove or rename the {what} {name} on the node; this heals by itself then"
                        ))
                    });
                }
            }
        }
        refused
    }

    fn missing_group(&self, joined: &[&[u8]]) -> Option<String> {
        let there: HashSet<&[u8]> =
            lines(self.group.as_deref().unwrap_or_default()).map(|line| field(line, 0)).collect();
        let missing = joined.iter().find(|group| !there.contains(*group))?;
        Some(String::from_utf8_lossy(missing).into_owned())
    }

    /// What the files show of each account.
    pub fn observed(&self, specs: &[&AccountSpec]) -> BTreeMap<AccountId, Converged> {
        let wanted: HashMap<&[u8], AccountId> =
            specs.iter().map(|spec| (spec.username.as_str().as_bytes(), spec.account)).collect();
        let mut groups: HashMap<AccountId, Vec<String>> = HashMap::new();
        for line in lines(self.group.as_deref().unwrap_or_default()) {
            for account in members(field(line, 3)).filter_map(|member| wanted.get(member)) {
                let name = String::from_utf8_lossy(field(line, 0)).into_owned();
                groups.entry(*account).or_default().push(name);
            }
        }
        let mut found: BTreeMap<AccountId, Converged> = BTreeMap::new();
        for line in lines(self.passwd.as_deref().unwrap_or_default()) {
            let Some(account) = wanted.get(field(line, 0)) else { continue };
            let text = |index| String::from_utf8_lossy(field(line, index)).into_owned();
            let observed = Observed::new()
                .with("uid", number(line, 2))
                .with("gid", number(line, 3))
                .with("home", text(5))
                .with("shell", text(6))
                .with("groups", groups.remove(account).unwrap_or_default());
            found.entry(*account).or_insert(Ok(observed));
        }
        for spec in specs {
            found.entry(spec.account).or_insert_with(|| {
                let detail = format!("the entry of {} is not in /etc/passwd after writing it", spec.username);
                Err(Problem::new(Code::HostFailed, detail).into())
            });
        }
        found
    }
}

/// What shall be in the files.
struct Edit<'a> {
    ours: &'a HashMap<&'a [u8], &'a AccountSpec>,
    joined: &'a [&'a [u8]],
    day: i64,
}

impl Edit<'_> {
    fn passwd(&self, bytes: &[u8]) -> Vec<u8> {
        self.entries(bytes, |_, spec| {
            let (name, uid) = (&spec.username, spec.uid);
            let comment = comment(spec.display_name.as_str());
            format!("{name}:x:{uid}:{uid}:{comment}:{}:/usr/sbin/nologin", layout::home(name)).into_bytes()
        })
    }

    fn shadow(&self, bytes: &[u8]) -> Vec<u8> {
        self.entries(bytes, |found, spec| match found {
            Some(line) if matches!(field(line, 1).first(), Some(b'!' | b'*')) => expiring(line, spec),
            // Somebody has given it a password or none at all: nobody logs in with one.
            _ => expiring(format!("{}:!:{}:0:99999:7:::", spec.username, self.day).as_bytes(), spec),
        })
    }

    fn group(&self, bytes: &[u8]) -> Vec<u8> {
        self.group_entries(bytes, |spec| format!("{}:x:{}:", spec.username, spec.uid).into_bytes())
    }

    fn gshadow(&self, bytes: &[u8]) -> Vec<u8> {
        self.group_entries(bytes, |spec| format!("{}:!::", spec.username).into_bytes())
    }

    /// Entries by name: one for each of ours, a second one of the same name dropped.
    fn entries(&self, bytes: &[u8], entry: impl Fn(Option<&[u8]>, &AccountSpec) -> Vec<u8>) -> Vec<u8> {
        let seen = std::cell::RefCell::new(HashSet::new());
        let fate = |line: &[u8]| {
            let Some((name, spec)) = self.ours.get_key_value(field(line, 0)) else { return Fate::Keep };
            if !seen.borrow_mut().insert(*name) {
                return Fate::Drop;
            }
            let new = entry(Some(line), spec);
            if new == line { Fate::Keep } else { Fate::Become(new) }
        };
        rewritten(bytes, fate, || self.absent(&seen.borrow()).map(|spec| entry(None, spec)).collect())
    }

    /// Groups of accounts, and the members of the groups that accounts join.
    fn group_entries(&self, bytes: &[u8], entry: impl Fn(&AccountSpec) -> Vec<u8>) -> Vec<u8> {
        let seen = std::cell::RefCell::new(HashSet::new());
        let fate = |line: &[u8]| {
            let name = field(line, 0);
            if let Some((name, spec)) = self.ours.get_key_value(name) {
                if !seen.borrow_mut().insert(*name) {
                    return Fate::Drop;
                }
                let new = entry(spec);
                return if new == line { Fate::Keep } else { Fate::Become(new) };
            }
            if self.joined.contains(&name) {
                return self.join(line);
            }
            if name == FORBIDDEN_GROUP { self.expel(line) } else { Fate::Keep }
        };
        rewritten(bytes, fate, || self.absent(&seen.borrow()).map(&entry).collect())
    }

    /// Ours that were not in a file, in the order of their numbers.
    fn absent<'s>(&'s self, seen: &HashSet<&[u8]>) -> impl Iterator<Item = &'s AccountSpec> + use<'s> {
        let absent = self.ours.iter().filter(|(name, _)| !seen.contains(*name));
        let mut absent: Vec<&AccountSpec> = absent.map(|(_, spec)| *spec).collect();
        absent.sort_by_key(|spec| spec.uid);
        absent.into_iter()
    }

    /// A group's line with all of ours among its members.
    fn join(&self, line: &[u8]) -> Fate {
        let present: HashSet<&[u8]> = members(field(line, 3)).collect();
        let mut missing: Vec<&AccountSpec> =
            self.ours.iter().filter(|(name, _)| !present.contains(*name)).map(|(_, spec)| *spec).collect();
        if missing.is_empty() {
            return Fate::Keep;
        }
        missing.sort_by_key(|spec| spec.uid);
        let mut new = line.to_vec();
        for spec in missing {
            if !matches!(new.last(), Some(b':' | b',')) {
                new.push(b',');
            }
            new.extend_from_slice(spec.username.as_str().as_bytes());
        }
        Fate::Become(new)
    }

    /// A group's line with none of ours among its members.
    fn expel(&self, line: &[u8]) -> Fate {
        if !members(field(line, 3)).any(|member| self.ours.contains_key(member)) {
            return Fate::Keep;
        }
        let kept: Vec<&[u8]> =
            members(field(line, 3)).filter(|member| !self.ours.contains_key(member)).collect();
        let fields = [field(line, 0), field(line, 1), field(line, 2), &kept.join(&b',')];
        Fate::Become(fields.join(&b':'))
    }
}

/// The date on which a closed account has expired, in days since 1970: it keeps every service that asks PAM from
/// opening a session, whatever key or password is shown.
const EXPIRED: &[u8] = b"1";

/// A line of the shadow file with the date of expiry that the account's standing asks for.
fn expiring(line: &[u8], spec: &AccountSpec) -> Vec<u8> {
    let mut fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
    while fields.len() < 9 {
        fields.push(b"");
    }
    if let Some(expiry) = fields.get_mut(7) {
        if !spec.standing.is_open() {
            *expiry = EXPIRED;
        } else if *expiry == EXPIRED {
            *expiry = b"";
        }
    }
    fields.join(&b':')
}

/// A person's name as the comment field can hold it: no colon, no line break, and no comma or `&`, which
/// `finger` and `chfn` give a meaning to.
fn comment(name: &str) -> String {
    name.chars().map(|c| if matches!(c, ':' | ',' | '&') || c.is_control() { ' ' } else { c }).collect()
}
