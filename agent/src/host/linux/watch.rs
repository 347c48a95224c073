//! Noticing at once that somebody has changed the account files or the homes.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// Changes of names and homes.
pub struct Watch {
    inotify: OwnedFd,
    etc: i32,
}

/// The files that hold names.
const FILES: [&str; 2] = ["passwd", "group"];

impl Watch {
    /// Starts watching `/etc` and `/home`.
    ///
    /// # Errors
    /// The kernel refuses a watch.
    pub fn start() -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC)?;
        let replaced = WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE | WatchFlags::ONLYDIR;
        let etc = inotify::add_watch(&inotify, "/etc", replaced)?;
        let moved = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE | WatchFlags::ONLYDIR;
        inotify::add_watch(&inotify, "/home", moved)?;
        Ok(Self { inotify, etc })
    }

    /// Calls for every change, for ever.
    ///
    /// # Errors
    /// The events can't be read any more.
    pub fn run(self, changed: impl Fn()) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let mut relevant = false;
        loop {
            let event = reader.next()?;
            let name = event.file_name().and_then(|name| name.to_str().ok()).unwrap_or_default();
            let lost = event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            let ours = name.starts_with(super::TEMPORARY);
            relevant |= lost || if event.wd() == self.etc { FILES.contains(&name) } else { !ours };
            // A batch that was read together is one change.
            if relevant && reader.is_buffer_empty() {
                relevant = false;
                changed();
            }
        }
    }
}
