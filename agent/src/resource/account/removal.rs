//! Taking accounts out of the account files: a user never outlives its group.

use std::collections::{BTreeMap, HashMap};

use berth_core::id::AccountId;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem};

use super::table::{Fate, field, lines, members, number, rewritten};
use crate::host::{Host, HostError};
use crate::resource::{Context, Converged, Observed};

/// The files, in the order in which they are written.
const PATHS: [&str; 6] =
    ["/etc/passwd", "/etc/shadow", "/etc/subuid", "/etc/subgid", "/etc/gshadow", "/etc/group"];

/// Removes every entry of these accounts. What has their name and another number is somebody else's and stays.
pub fn remove(context: &Context<'_>, specs: &[&AccountSpec]) -> BTreeMap<AccountId, Converged> {
    let outcome = commit(context.host, specs).map_err(Problem::from);
    specs
        .iter()
        .map(|spec| {
            let converged = match &outcome {
                Err(problem) => Err(problem.clone().into()),
                Ok(()) => match found(context.host, spec) {
                    Err(error) => Err(error.into()),
                    Ok(Some(path)) => {
                        let detail = format!("{path} still has an entry of {}", spec.username);
                        Err(Problem::new(Code::HostFailed, detail).into())
                    }
                    Ok(None) => Ok(Observed::new().with("state", "gone")),
                },
            };
            (spec.account, converged)
        })
        .collect()
}

/// The first account file that names an account of ours.
///
/// # Errors
/// A file can't be read.
pub fn found(host: &dyn Host, spec: &AccountSpec) -> Result<Option<&'static str>, HostError> {
    let one = [spec];
    for path in PATHS {
        let bytes = host.read(path)?.unwrap_or_default();
        let ours = ours(host, &one)?;
        if without(path, &bytes, &ours) != bytes {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn commit(host: &dyn Host, specs: &[&AccountSpec]) -> Result<(), HostError> {
    let differs = |ours: &HashMap<&[u8], &AccountSpec>, path: &str| -> Result<bool, HostError> {
        let bytes = host.read(path)?.unwrap_or_default();
        Ok(without(path, &bytes, ours) != bytes)
    };
    let names = ours(host, specs)?;
    let mut any = false;
    for path in PATHS {
        any |= differs(&names, path)? || differs(&names, &format!("{path}-"))?;
    }
    if !any {
        return Ok(());
    }
    let lock = host.lock_account_files()?;
    // Somebody may have changed them before we had the lock.
    let names = ours(host, specs)?;
    for path in PATHS {
        let Some(bytes) = host.read(path)? else { continue };
        let wanted = without(path, &bytes, &names);
        if wanted != bytes {
            host.replace_account_file(&lock, path, &wanted)?;
        }
        // The backup beside it holds what was before. Written once more, it holds what is now.
        let backup = host.read(&format!("{path}-"))?.unwrap_or_default();
        if without(path, &backup, &names) != backup {
            host.replace_account_file(&lock, path, &wanted)?;
        }
    }
    Ok(())
}

/// The accounts by name, without those whose name somebody else has.
fn ours<'a>(
    host: &dyn Host,
    specs: &[&'a AccountSpec],
) -> Result<HashMap<&'a [u8], &'a AccountSpec>, HostError> {
    let mut ours: HashMap<&[u8], &AccountSpec> =
        specs.iter().map(|spec| (spec.username.as_str().as_bytes(), *spec)).collect();
    for path in ["/etc/passwd", "/etc/group"] {
        let bytes = host.read(path)?.unwrap_or_default();
        for line in lines(&bytes) {
            let foreign =
                ours.get(field(line, 0)).is_some_and(|spec| number(line, 2) != Some(spec.uid.get()));
            if foreign {
                ours.remove(field(line, 0));
            }
        }
    }
    Ok(ours)
}

/// A file without the entries of these accounts, and without their names among the members of groups.
fn without(path: &str, bytes: &[u8], ours: &HashMap<&[u8], &AccountSpec>) -> Vec<u8> {
    let is_group = path.ends_with("group") || path.ends_with("gshadow");
    let by_number = |name: &[u8]| {
        // The files of subordinate ids may name an account by its number.
        let number = str::from_utf8(name).ok().and_then(|text| text.parse::<u32>().ok());
        path.starts_with("/etc/sub")
            && number.is_some_and(|number| ours.values().any(|spec| spec.uid.get() == number))
    };
    let fate = |line: &[u8]| {
        let name = field(line, 0);
        if ours.contains_key(name) || by_number(name) {
            return Fate::Drop;
        }
        if is_group { expelled(line, ours) } else { Fate::Keep }
    };
    rewritten(bytes, fate, Vec::new)
}

/// A group's line with none of ours among its members, nor, in the shadow file, among its administrators.
fn expelled(line: &[u8], ours: &HashMap<&[u8], &AccountSpec>) -> Fate {
    let mut changed = false;
    let fields: Vec<Vec<u8>> = line
        .split(|byte| *byte == b':')
        .enumerate()
        .map(|(index, text)| {
            if index < 2 || !members(text).any(|member| ours.contains_key(member)) {
                return text.to_vec();
            }
            changed = true;
            members(text).filter(|member| !ours.contains_key(member)).collect::<Vec<_>>().join(&b',')
        })
        .collect();
    if changed { Fate::Become(fields.join(&b':')) } else { Fate::Keep }
}
