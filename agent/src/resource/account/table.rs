//! The account files as bytes: lines of fields between colons, of which only ours are ever looked into.

/// The lines of a file, without their ends.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let nothing = bytes.is_empty();
    whole.split(|byte| *byte == b'\n').filter(move |_| !nothing)
}

/// A field of a line; empty if there are not so many.
pub fn field(line: &[u8], index: usize) -> &[u8] {
    line.split(|byte| *byte == b':').nth(index).unwrap_or_default()
}

/// The number in a field.
pub(super) fn number(line: &[u8], index: usize) -> Option<u32> {
    str::from_utf8(field(line, index)).ok()?.parse().ok()
}

/// The names in a field of members.
pub fn members(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|byte| *byte == b',').filter(|name| !name.is_empty())
}

/// What becomes of a line.
pub(super) enum Fate {
    /// It stays byte for byte.
    Keep,
    /// It becomes this.
    Become(Vec<u8>),
    /// It goes.
    Drop,
}

/// A file with some lines changed and others added. Added lines come before the first line of the old NIS
/// syntax (`+` or `-`), after which nothing is looked at.
pub(super) fn rewritten(
    bytes: &[u8],
    mut fate: impl FnMut(&[u8]) -> Fate,
    added: impl FnOnce() -> Vec<Vec<u8>>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 4096);
    let mut tail = None;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if tail.is_none() && line.starts_with(b"+") | line.starts_with(b"-") {
            tail = Some(out.len());
        }
        match fate(line.strip_suffix(b"\n").unwrap_or(line)) {
            Fate::Keep => out.extend_from_slice(line),
            Fate::Drop => {}
            Fate::Become(new) => {
                out.extend_from_slice(&new);
                out.push(b'\n');
            }
        }
    }
    let added = added();
    if added.is_empty() {
        return out;
    }
    let rest = tail.map_or_else(Vec::new, |at| out.split_off(at));
    if out.last().is_some_and(|byte| *byte != b'\n') {
        out.push(b'\n');
    }
    for line in added {
        out.extend_from_slice(&line);
        out.push(b'\n');
    }
    out.extend_from_slice(&rest);
    out
}
