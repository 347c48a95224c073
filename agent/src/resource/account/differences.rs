//! What an edit of the account files has changed of accounts whose entries had been right.

use std::collections::HashMap;

use berth_core::id::AccountId;
use berth_core::spec::AccountSpec;

use super::edit::Files;
use super::table::{field, lines, members};
use crate::resource::Context;

/// Notes each entry and each membership of the accounts that differs.
pub(super) fn note(context: &Context<'_>, watched: &[&AccountSpec], found: &Files, made: &Files) {
    if watched.is_empty() {
        return;
    }
    let ours: HashMap<&[u8], AccountId> =
        watched.iter().map(|spec| (spec.username.as_str().as_bytes(), spec.account)).collect();
    let files = [
        ("/etc/passwd", &found.passwd, &made.passwd),
        ("/etc/shadow", &found.shadow, &made.shadow),
        ("/etc/group", &found.group, &made.group),
        ("/etc/gshadow", &found.gshadow, &made.gshadow),
    ];
    for (path, before, after) in files {
        let (before, after) = (entries(before.as_deref(), &ours), entries(after.as_deref(), &ours));
        for spec in watched {
            let (was, is) = (before.get(&spec.account), after.get(&spec.account));
            if was != is {
                let shown = |line: Option<&&[u8]>| line.map(|line| shown(path, line));
                context.changed(
                    Some(spec.account),
                    format!("entry of {} in {path}", spec.username),
                    shown(was),
                    shown(is),
                );
            }
        }
    }
    let (before, after) = (groups(found.group.as_deref(), &ours), groups(made.group.as_deref(), &ours));
    for spec in watched {
        let (was, is) = (before.get(&spec.account), after.get(&spec.account));
        if was != is {
            let names = |groups: Option<&Vec<String>>| groups.map(|groups| groups.join(", "));
            context.changed(
                Some(spec.account),
                format!("groups of {}", spec.username),
                names(was),
                names(is),
            );
        }
    }
}

/// The first line of each account.
fn entries<'a>(bytes: Option<&'a [u8]>, ours: &HashMap<&[u8], AccountId>) -> HashMap<AccountId, &'a [u8]> {
    let mut entries = HashMap::new();
    for line in lines(bytes.unwrap_or_default()) {
        if let Some(account) = ours.get(field(line, 0)) {
            entries.entry(*account).or_insert(line);
        }
    }
    entries
}

/// The groups that each account is a member of.
fn groups(bytes: Option<&[u8]>, ours: &HashMap<&[u8], AccountId>) -> HashMap<AccountId, Vec<String>> {
    let mut groups: HashMap<AccountId, Vec<String>> = HashMap::new();
    for line in lines(bytes.unwrap_or_default()) {
        for account in members(field(line, 3)).filter_map(|member| ours.get(member)) {
            groups.entry(*account).or_default().push(String::from_utf8_lossy(field(line, 0)).into_owned());
        }
    }
    groups
}

/// A line as it is shown: the hash of a password that somebody has set is nobody's business.
fn shown(path: &str, line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    if !path.ends_with("shadow") {
        return text.into_owned();
    }
    let mut fields: Vec<&str> = text.split(':').collect();
    if let Some(password) = fields.get_mut(1)
        && !password.is_empty()
        && !password.starts_with(['!', '*'])
    {
        *password = "(a password)";
    }
    fields.join(":")
}
