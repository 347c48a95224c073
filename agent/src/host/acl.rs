//! POSIX access control lists as the bytes of `system.posix_acl_access` (Linux, `posix_acl_xattr.h`): a
//! version, then entries of tag, permissions and id, little-endian, sorted by tag.

use std::collections::BTreeMap;

/// Users with permissions of their own, beside owner, group and others. Groups never have any: our groups are
/// given by ownership.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Acl {
    users: BTreeMap<u32, u8>,
}

/// The user number that stands for "somebody else has made this list"; the kernel uses it for "no id".
const FOREIGN: u32 = u32::MAX;

const VERSION: u32 = 2;
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;
const NO_ID: u32 = u32::MAX;

/// Permission to pass through a directory.
pub(crate) const EXECUTE: u8 = 1;

impl std::fmt::Display for Acl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut first = true;
        for (uid, permissions) in &self.users {
            let comma = if std::mem::take(&mut first) { "" } else { "," };
            if *uid == FOREIGN {
                write!(f, "{comma}a list of somebody else's")?;
                continue;
            }
            let bit = |mask: u8, letter: char| if permissions & mask == 0 { '-' } else { letter };
            write!(f, "{comma}u:{uid}:{}{}{}", bit(4, 'r'), bit(2, 'w'), bit(EXECUTE, 'x'))?;
        }
        Ok(())
    }
}

impl Acl {
    /// No entry beside those of the mode.
    pub const NONE: Self = Self { users: BTreeMap::new() };

    /// Lets users pass through a directory.
    pub fn passage(uids: impl IntoIterator<Item = u32>) -> Self {
        Self { users: uids.into_iter().map(|uid| (uid, EXECUTE)).collect() }
    }

    /// A list that is not of the form that we write, and hence equal to none that we want.
    pub fn foreign() -> Self {
        Self { users: BTreeMap::from([(FOREIGN, 0)]) }
    }

    /// Whether there is no entry beside those of the mode.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The attribute's value for a mode. The owning group keeps the group bits of the mode, and the mask lets
    /// through just what the group and the entries need, never write.
    pub fn encode(&self, mode: u32) -> Vec<u8> {
        let bits = |shift: u32| u16::try_from((mode >> shift) & 7).unwrap_or_default();
        let group = bits(3);
        let mask = self.users.values().fold(group, |mask, permissions| mask | u16::from(*permissions));
        let mut bytes = VERSION.to_le_bytes().to_vec();
        let mut entry = |tag: u16, permissions: u16, id: u32| {
            bytes.extend_from_slice(&tag.to_le_bytes());
            bytes.extend_from_slice(&permissions.to_le_bytes());
            bytes.extend_from_slice(&id.to_le_bytes());
        };
        entry(USER_OBJ, bits(6), NO_ID);
        for (uid, permissions) in &self.users {
            entry(USER, u16::from(*permissions), *uid);
        }
        entry(GROUP_OBJ, group, NO_ID);
        entry(MASK, mask, NO_ID);
        entry(OTHER, bits(0), NO_ID);
        bytes
    }

    /// Reads the attribute's value. Gives the users' entries and the mode that the list stands for, with the
    /// owning group's own permissions; `None` if it is not of the form that [`Acl::encode`] writes: then
    /// somebody else has been at it.
    pub fn decode(bytes: &[u8]) -> Option<(Self, u32)> {
        let (version, mut rest) = bytes.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*version) != VERSION {
            return None;
        }
        let mut acl = Self::NONE;
        let (mut owner, mut group, mut mask, mut other) = (None, None, None, None);
        while let Some((entry, tail)) = rest.split_first_chunk::<8>() {
            let [t0, t1, p0, p1, i0, i1, i2, i3] = *entry;
            let permissions = u8::try_from(u16::from_le_bytes([p0, p1])).ok().filter(|bits| *bits <= 7)?;
            match u16::from_le_bytes([t0, t1]) {
                USER_OBJ => owner = Some(permissions),
                USER => {
                    acl.users.insert(u32::from_le_bytes([i0, i1, i2, i3]), permissions);
                }
                GROUP_OBJ => group = Some(permissions),
                MASK => mask = Some(permissions),
                OTHER => other = Some(permissions),
                // Somebody has let a group in, or there is a tag that we don't know.
                _ => return None,
            }
            rest = tail;
        }
        let (owner, group, other) = (u32::from(owner?), u32::from(group?), u32::from(other?));
        let wanted = acl.users.values().fold(u8::try_from(group).ok()?, |mask, bits| mask | bits);
        if !rest.is_empty() || mask.is_some_and(|mask| mask != wanted) {
            return None;
        }
        Some((acl, owner << 6 | group << 3 | other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_setfacl() {
        // As `setfacl -m u:33:x` wrote them on a directory of mode 0750 (`getfattr -e hex`).
        let expected = "0200000001000700ffffffff02000100210000000400\
                        0500ffffffff10000500ffffffff20000000ffffffff";
        assert_eq!(hex::encode(Acl::passage([33]).encode(0o750)), expected.replace(' ', ""));
    }

    #[test]
    fn what_is_written_can_be_read() {
        for mode in [0o750, 0o700, 0o755] {
            for acl in [Acl::passage([33]), Acl::NONE] {
                let bytes = acl.encode(mode);
                assert_eq!(Acl::decode(&bytes), Some((acl, mode)));
            }
        }
    }

    #[test]
    fn a_list_of_somebody_else_is_not_ours() {
        let ours = Acl::passage([33]).encode(0o750);
        for cut in 0..ours.len() {
            assert_eq!(
                Acl::decode(&ours[..cut]).map(|(acl, _)| acl).filter(|acl| !acl.is_empty()),
                None,
                "{cut}"
            );
        }
        let mut wider_mask = ours.clone();
        wider_mask[4 + 3 * 8 + 2] = 7;
        assert_eq!(Acl::decode(&wider_mask), None);
        let mut named_group = ours;
        named_group[4 + 8] = 8;
        assert_eq!(Acl::decode(&named_group), None);
    }
}
