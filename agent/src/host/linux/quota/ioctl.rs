//! The few requests to btrfs that quotas need (`linux/btrfs.h`, `linux/btrfs_tree.h`).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

const WRITE: u64 = 1;
const READ: u64 = 2;

/// A request's number: direction, size of the argument, btrfs, number (`asm-generic/ioctl.h`).
const fn request<T>(direction: u64, number: u64) -> u64 {
    direction << 30 | (size_of::<T>() as u64) << 16 | 0x94 << 8 | number
}

/// Makes a request; gives what the kernel returned.
#[expect(unsafe_code, reason = "btrfs has no other interface")]
fn call<T>(dir: &OwnedFd, request: u64, argument: &mut T) -> io::Result<i32> {
    let request = libc::Ioctl::try_from(request).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for the whole call; the request was made from the size of `T`, which is
    // laid out as the kernel's structure, without pointers in it, and outlives the call.
    let status = unsafe { libc::ioctl(dir.as_raw_fd(), request, std::ptr::from_mut(argument)) };
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(status) }
}

/// `struct btrfs_ioctl_vol_args_v2`; without flags, what is between them and the name is not looked at.
#[repr(C)]
struct NewVolume {
    descriptor: i64,
    transaction: u64,
    flags: u64,
    unused: [u64; 4],
    name: [u8; 4040],
}

/// Makes a volume in a directory.
pub(in crate::host::linux) fn create_volume(parent: &OwnedFd, name: &str) -> io::Result<()> {
    let mut argument = NewVolume { descriptor: 0, transaction: 0, flags: 0, unused: [0; 4], name: [0; 4040] };
    // One byte stays zero, since the kernel looks for the end of the name.
    let Some(room) = argument.name.get_mut(..name.len()).filter(|room| room.len() < 4040) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    room.copy_from_slice(name.as_bytes());
    call(parent, request::<NewVolume>(WRITE, 24), &mut argument).map(drop)
}

/// `struct btrfs_ioctl_ino_lookup_args`.
#[repr(C)]
struct Lookup {
    tree: u64,
    object: u64,
    name: [u8; 4080],
}

/// Number of the root directory of every volume.
pub(super) const ROOT_INODE: u64 = 256;

/// Number of the volume that a directory is in.
pub(super) fn volume_of(dir: &OwnedFd) -> io::Result<u64> {
    let mut argument = Lookup { tree: 0, object: ROOT_INODE, name: [0; 4080] };
    call(dir, request::<Lookup>(READ | WRITE, 18), &mut argument)?;
    Ok(argument.tree)
}

/// `struct btrfs_ioctl_qgroup_create_args`.
#[repr(C)]
struct NewGroup {
    create: u64,
    group: u64,
}

pub(super) fn create_group(dir: &OwnedFd, group: u64) -> io::Result<()> {
    call(dir, request::<NewGroup>(WRITE, 42), &mut NewGroup { create: 1, group }).map(drop)
}

/// `struct btrfs_ioctl_qgroup_assign_args`.
#[repr(C)]
struct Membership {
    assign: u64,
    member: u64,
    group: u64,
}

/// Puts a volume's group into another group, or takes it out. Says whether everything has to be counted anew.
pub(super) fn assign(dir: &OwnedFd, member: u64, group: u64, assign: bool) -> io::Result<bool> {
    let mut argument = Membership { assign: u64::from(assign), member, group };
    Ok(call(dir, request::<Membership>(WRITE, 41), &mut argument)? > 0)
}

/// `struct btrfs_ioctl_qgroup_limit_args`.
#[repr(C)]
struct GroupLimit {
    group: u64,
    flags: u64,
    max_referenced: u64,
    max_exclusive: u64,
    reserved: [u64; 2],
}

/// `BTRFS_QGROUP_LIMIT_MAX_RFER`.
pub(super) const LIMITS_REFERENCED: u64 = 1;

/// Limits what a group refers to; the kernel takes the largest number for no limit.
pub(super) fn limit(dir: &OwnedFd, group: u64, max: Option<u64>) -> io::Result<()> {
    let mut argument = GroupLimit {
        group,
        flags: LIMITS_REFERENCED,
        max_referenced: max.unwrap_or(u64::MAX),
        max_exclusive: 0,
        reserved: [0; 2],
    };
    call(dir, request::<GroupLimit>(READ, 43), &mut argument).map(drop)
}

/// `struct btrfs_ioctl_quota_rescan_args`.
#[repr(C)]
struct Rescan {
    flags: u64,
    progress: u64,
    reserved: [u64; 6],
}

/// Has everything counted anew, in the background.
pub(super) fn rescan(dir: &OwnedFd) -> io::Result<()> {
    match call(dir, request::<Rescan>(WRITE, 44), &mut Rescan { flags: 0, progress: 0, reserved: [0; 6] }) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(()),
    }
}

/// Place of an item in a tree; items are sorted by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) object: u64,
    pub(super) kind: u8,
    pub(super) offset: u64,
}

impl Key {
    pub(super) const fn new(object: u64, kind: u8, offset: u64) -> Self {
        Self { object, kind, offset }
    }

    /// The place right after this one.
    fn next(self) -> Option<Self> {
        if let Some(offset) = self.offset.checked_add(1) {
            return Some(Self { offset, ..self });
        }
        if let Some(kind) = self.kind.checked_add(1) {
            return Some(Self { kind, offset: 0, ..self });
        }
        Some(Self { object: self.object.checked_add(1)?, kind: 0, offset: 0 })
    }
}

/// An item of a tree.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) key: Key,
    pub(super) bytes: Vec<u8>,
}

impl Item {
    /// The n-th number of an item that consists of 64-bit numbers.
    pub(super) fn number(&self, index: usize) -> Option<u64> {
        self.bytes.as_chunks::<8>().0.get(index).map(|bytes| u64::from_le_bytes(*bytes))
    }
}

/// `struct btrfs_ioctl_search_key`, then the size of the buffer: all of `struct btrfs_ioctl_search_args_v2`
/// but the buffer itself, which its size does not count.
#[repr(C)]
struct SearchHead {
    tree: u64,
    min_object: u64,
    max_object: u64,
    min_offset: u64,
    max_offset: u64,
    min_transaction: u64,
    max_transaction: u64,
    min_kind: u32,
    max_kind: u32,
    items: u32,
    unused: u32,
    reserved: [u64; 4],
    room: u64,
}

/// `struct btrfs_ioctl_search_args_v2` with room for `N` bytes of items.
#[repr(C)]
struct Search<const N: usize> {
    head: SearchHead,
    items: [u8; N],
}

/// Bytes of one item and its header that are asked for by its key; ours are smaller.
const ONE: usize = 256;
/// Bytes of the items that are asked for at a time.
const MANY: usize = 64 * 1024;

/// The item at a place. `None` if there is no such item or tree.
pub(super) fn item(dir: &OwnedFd, tree: u64, key: Key) -> io::Result<Option<Item>> {
    let mut search = new_search::<ONE>(tree, key, key, 1);
    Ok(run(dir, &mut search)?.pop())
}

/// Every item from one place to another one that is of one kind.
pub(super) fn items(dir: &OwnedFd, tree: u64, from: Key, to: Key, kind: u8) -> io::Result<Vec<Item>> {
    let mut found = Vec::new();
    let mut from = Some(from);
    while let Some(next) = from.filter(|from| *from <= to) {
        let mut search = Box::new(new_search::<MANY>(tree, next, to, u32::MAX));
        let page = run(dir, &mut search)?;
        from = page.last().and_then(|last| last.key.next());
        found.extend(page.into_iter().filter(|item| item.key.kind == kind));
    }
    Ok(found)
}

fn new_search<const N: usize>(tree: u64, from: Key, to: Key, items: u32) -> Search<N> {
    let head = SearchHead {
        tree,
        min_object: from.object,
        max_object: to.object,
        min_offset: from.offset,
        max_offset: to.offset,
        min_transaction: 0,
        max_transaction: u64::MAX,
        min_kind: from.kind.into(),
        max_kind: to.kind.into(),
        items,
        unused: 0,
        reserved: [0; 4],
        room: N as u64,
    };
    Search { head, items: [0; N] }
}

fn run<const N: usize>(dir: &OwnedFd, search: &mut Search<N>) -> io::Result<Vec<Item>> {
    // The buffer behind the head is as large as the head says; only the head is in the request's number.
    match call_search(dir, search) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    let mut rest: &[u8] = &search.items;
    let mut found = Vec::new();
    for _ in 0..search.head.items {
        // `struct btrfs_ioctl_search_header`: transaction, object, offset, kind, length.
        let Some((header, tail)) = rest.split_first_chunk::<32>() else { break };
        let (words, _) = header.as_chunks::<8>();
        let [_, object, offset, kind_and_length] = words else { break };
        let [k0, k1, k2, k3, l0, l1, l2, l3] = *kind_and_length;
        let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let Some((bytes, tail)) = tail.split_at_checked(length) else { break };
        let key = Key {
            object: u64::from_ne_bytes(*object),
            kind: u8::try_from(u32::from_ne_bytes([k0, k1, k2, k3])).unwrap_or(u8::MAX),
            offset: u64::from_ne_bytes(*offset),
        };
        found.push(Item { key, bytes: bytes.to_vec() });
        rest = tail;
    }
    Ok(found)
}

#[expect(unsafe_code, reason = "btrfs has no other interface")]
fn call_search<const N: usize>(dir: &OwnedFd, search: &mut Search<N>) -> io::Result<()> {
    let request = libc::Ioctl::try_from(request::<SearchHead>(READ | WRITE, 17)).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for the whole call; `search` is laid out as the kernel's structure with
    // its buffer, of which the kernel writes no more than the `room` that the head names, which is its size.
    let status = unsafe { libc::ioctl(dir.as_raw_fd(), request, std::ptr::from_mut(search)) };
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
