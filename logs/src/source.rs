//! A log that grows, is renamed away, and begins anew.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::position::Position;

/// Most that is read at once.
const PIECE: usize = 1024 * 1024;

/// A line without end in this many bytes is dropped: the web server writes none as long.
const LINE_MAX: usize = 256 * 1024;

/// How often the end of a renamed log is looked at before it counts as complete: workers of the web server
/// write to it until each of them has heard of the new one.
const LOOKS_AT_END: u32 = 10;

/// A log that is followed by its name.
pub(crate) struct Source {
    path: PathBuf,
    file: Option<File>,
    position: Position,
    /// What has been read of a line whose end is still missing; it lies before [`Position::offset`].
    rest: Vec<u8>,
    looks: u32,
}

impl Source {
    /// A log, from a position on. Without one it begins at its present end: what was written before this
    /// process ever ran belongs to nobody who waits for it.
    pub(crate) fn new(path: PathBuf, from: Option<Position>) -> Self {
        let mut source = Self { path, file: None, position: Position::default(), rest: Vec::new(), looks: 0 };
        let rotated = source.path.with_added_extension("1");
        let candidates = [source.path.clone(), rotated];
        let found = from.and_then(|from| {
            let here = candidates.iter().find(|path| inode(path).is_some_and(|inode| inode == from.inode))?;
            Some((File::open(here).ok()?, from))
        });
        if let Some((file, from)) = found {
            source.file = Some(file);
            source.position = from;
        } else if from.is_none()
            && let Ok(file) = File::open(&source.path)
            && let Ok(metadata) = file.metadata()
        {
            source.position = Position { inode: metadata.ino(), offset: metadata.len() };
            source.file = Some(file);
        }
        source
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Everything before it has been given out as whole lines.
    pub(crate) fn position(&self) -> Position {
        let rest = u64::try_from(self.rest.len()).unwrap_or_default();
        Position { offset: self.position.offset.saturating_sub(rest), ..self.position }
    }

    /// The next whole lines; empty if there are none.
    pub(crate) fn next(&mut self) -> io::Result<Vec<u8>> {
        if self.file.is_none() && !self.reopen()? {
            return Ok(Vec::new());
        }
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        if file.metadata()?.len() < self.position.offset {
            // Somebody has emptied it.
            self.position.offset = 0;
            self.rest.clear();
        }
        file.seek(SeekFrom::Start(self.position.offset))?;
        let mut piece = std::mem::take(&mut self.rest);
        let read = file.take(PIECE as u64).read_to_end(&mut piece)?;
        self.position.offset += read as u64;
        if read == 0 {
            self.rest = piece;
            return self.at_end();
        }
        self.looks = 0;
        let whole = piece.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.rest = piece.split_off(whole);
        if self.rest.len() > LINE_MAX {
            self.rest.clear();
        }
        Ok(piece)
    }

    /// Nothing more is in the file; goes over to the next one if it has been renamed.
    fn at_end(&mut self) -> io::Result<Vec<u8>> {
        if inode(&self.path).is_none_or(|inode| inode == self.position.inode) {
            self.looks = 0;
            return Ok(Vec::new());
        }
        self.looks += 1;
        if self.looks >= LOOKS_AT_END {
            self.looks = 0;
            self.reopen()?;
        }
        Ok(Vec::new())
    }

    fn reopen(&mut self) -> io::Result<bool> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        self.position = Position { inode: file.metadata()?.ino(), offset: 0 };
        self.file = Some(file);
        self.rest.clear();
        Ok(true)
    }
}

fn inode(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|metadata| metadata.ino())
}
