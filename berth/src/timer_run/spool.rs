//! Where runs leave their records until the agent takes them: a directory of the tenant's own.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use berth_core::timer::{RUNS_KEPT, RunRecord, TimerJob, run_file, timer_of_run_file};
use rustix::fs::FlockOperation;
use rustix::io::Errno;

/// Makes sure that no other run of the timer is under way; `None` if one is. It ends with the value, and no
/// program that is started inherits it.
pub(super) fn lock(job: &TimerJob) -> io::Result<Option<File>> {
    let path = Path::new(&job.spool).join(format!("{}.lock", job.name));
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Leaves a record, complete from the moment that it can be seen, and removes the oldest ones of the timer.
pub(super) fn leave(job: &TimerJob, record: &RunRecord, output: &[u8]) -> io::Result<()> {
    let dir = Path::new(&job.spool);
    make_room(dir, job)?;
    let temporary = dir.join(format!(".{}.new", job.name));
    let written = write(&temporary, &record.render(output))
        .and_then(|()| std::fs::rename(&temporary, dir.join(run_file(&job.name, record.started_at))));
    if written.is_err() {
        // The error above is what matters.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

/// Nobody takes records while the agent is away.
fn make_room(dir: &Path, job: &TimerJob) -> io::Result<()> {
    let mut left: Vec<(i64, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if let Some((timer, micros)) = entry.file_name().to_str().and_then(timer_of_run_file)
            && timer == job.name
        {
            left.push((micros, entry.path()));
        }
    }
    left.sort();
    let keep = usize::try_from(RUNS_KEPT).unwrap_or(usize::MAX).saturating_sub(1);
    let excess = left.len().saturating_sub(keep);
    for (_, path) in left.into_iter().take(excess) {
        match std::fs::remove_file(path) {
            // The agent was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use berth_core::timer::RunOutcome;
    use chrono::DateTime;

    use super::*;

    fn job(dir: &Path) -> TimerJob {
        TimerJob {
            username: "alice".parse().unwrap(),
            name: "a".parse().unwrap(),
            command: "true".parse().unwrap(),
            timeout_s: 1.try_into().unwrap(),
            spool: dir.to_str().unwrap().to_owned(),
        }
    }

    #[test]
    fn the_last_records_are_kept_and_only_of_this_timer() {
        let dir = tempfile::tempdir().unwrap();
        let job = job(dir.path());
        let other = dir.path().join("a-b.1.run");
        write(&other, b"x").unwrap();
        for second in 1..=15 {
            let at = DateTime::from_timestamp(second, 0).unwrap();
            let record = RunRecord {
                started_at: at,
                ended_at: at,
                outcome: RunOutcome::Exited(0),
                truncated: false,
                output: String::new(),
            };
            leave(&job, &record, b"said").unwrap();
        }
        let mut kept: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .filter_map(|entry| timer_of_run_file(entry.unwrap().file_name().to_str().unwrap()))
            .filter(|(timer, _)| *timer == job.name)
            .map(|(_, micros)| micros / 1_000_000)
            .collect();
        kept.sort_unstable();
        assert_eq!(kept, (6..=15).collect::<Vec<_>>());
        assert!(other.exists());
        let last = std::fs::read(dir.path().join("a.15000000.run")).unwrap();
        assert_eq!(RunRecord::read(&last).unwrap().output, "said");
    }

    #[test]
    fn there_is_one_run_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let job = job(dir.path());
        let held = lock(&job).unwrap().unwrap();
        assert!(lock(&job).unwrap().is_none());
        drop(held);
        assert!(lock(&job).unwrap().is_some());
    }
}
