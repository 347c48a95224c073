//! nginx's processes: which configuration its master has, and whether a reload has taken place.

use std::time::{Duration, Instant};

use super::{MAIN, UNIT};
use crate::host::{Host, HostError, Result};

/// Where nginx writes the number of its master.
const PID_FILE: &str = "/run/nginx.pid";
/// What a worker calls itself once it accepts nothing any more and only ends what it has begun
/// (`ngx_process_cycle.c`).
const LEAVING: &[u8] = b"is shutting down";
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// A worker process; the moment of its start tells it from a later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Worker {
    id: u32,
    started: String,
}

/// What has become of a reload.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turnover {
    /// Every request from now on is answered with the new configuration.
    Complete,
    /// These workers still accept requests and answer them with the old configuration.
    Slow(Vec<Worker>),
}

/// The number of nginx's master, if it has written it down.
fn master(host: &dyn Host) -> Result<Option<u32>> {
    let written = host.read(PID_FILE)?;
    Ok(written.and_then(|bytes| String::from_utf8(bytes).ok()?.trim().parse().ok()))
}

/// Whether the running master was started with our configuration.
pub(super) fn use_ours(host: &dyn Host) -> Result<bool> {
    let Some(master) = master(host)? else { return Ok(true) };
    let command = host.read(&format!("/proc/{master}/cmdline"))?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&command).contains(MAIN))
}

/// The workers that accept requests.
pub(super) fn accepting(host: &dyn Host) -> Result<Vec<Worker>> {
    let Some(master) = master(host)? else { return Ok(Vec::new()) };
    let children = host.read(&format!("/proc/{master}/task/{master}/children"))?.unwrap_or_default();
    let children = String::from_utf8_lossy(&children);
    Ok(children.split_whitespace().filter_map(|id| look(host, id.parse().ok()?)).collect())
}

/// A worker that accepts requests. A process that ends while it is looked at is none.
fn look(host: &dyn Host, id: u32) -> Option<Worker> {
    let title = host.read(&format!("/proc/{id}/cmdline")).ok()??;
    let stat = host.read(&format!("/proc/{id}/stat")).ok()??;
    if title.is_empty() || title.windows(LEAVING.len()).any(|part| part == LEAVING) {
        return None;
    }
    // `proc_pid_stat(5)`: the name in parentheses may hold anything; the start is the 20th field after it.
    let (_, fields) = std::str::from_utf8(&stat).ok()?.rsplit_once(") ")?;
    Some(Worker { id, started: fields.split(' ').nth(19)?.to_owned() })
}

/// Waits until a reload has taken place. The signal itself says nothing: nginx that can't use the
/// configuration keeps the old workers and writes a line to a log; and for a while old and new workers accept
/// side by side.
///
/// # Errors
/// No new worker has appeared: nginx goes on as before.
pub(super) fn await_turnover(host: &dyn Host, before: &[Worker], patience: Duration) -> Result<Turnover> {
    if master(host)?.is_none() {
        return Ok(Turnover::Complete);
    }
    let since = Instant::now();
    let mut seen = false;
    loop {
        let now = accepting(host)?;
        let old: Vec<Worker> = now.iter().filter(|worker| before.contains(worker)).cloned().collect();
        let new = now.len() > old.len();
        if new && old.is_empty() {
            // A worker renames itself right before it closes its listeners: one more look is one more breath.
            if std::mem::replace(&mut seen, true) {
                return Ok(Turnover::Complete);
            }
        } else if since.elapsed() >= patience {
            return if new {
                Ok(Turnover::Slow(old))
            } else {
                let why = "no new worker has appeared; it goes on as before";
                Err(HostError::because("reload", UNIT, why))
            };
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Owner;
    use crate::host::tree::TreeHost;
    use crate::nginx::server::make_dir;

    /// A tree in which nginx's master is number 7.
    fn nginx(dir: &std::path::Path) -> TreeHost {
        let host = TreeHost::open(dir).unwrap();
        write(&host, PID_FILE, "7\n");
        host
    }

    fn write(host: &TreeHost, path: &str, text: &str) {
        make_dir(host, path.rsplit_once('/').unwrap().0).unwrap();
        host.replace_file(path, text.as_bytes(), Owner::ROOT, 0o644).unwrap();
    }

    fn children(host: &TreeHost, workers: &[(u32, &str, u32)]) {
        let ids: Vec<String> = workers.iter().map(|(id, ..)| id.to_string()).collect();
        for (id, title, started) in workers {
            write(host, &format!("/proc/{id}/cmdline"), title);
            let middle = "0 ".repeat(17);
            write(host, &format!("/proc/{id}/stat"), &format!("{id} (ng) x) S 7 {middle}{started} 0 0\n"));
        }
        write(host, "/proc/7/task/7/children", &ids.join(" "));
    }

    const AT_WORK: &str = "nginx: worker process";
    const GOING: &str = "nginx: worker process is shutting down";

    #[test]
    fn a_reload_has_taken_place_when_no_old_worker_accepts_and_a_new_one_does() {
        let dir = tempfile::tempdir().unwrap();
        let host = nginx(dir.path());
        let ended = |before: &[Worker]| await_turnover(&host, before, Duration::ZERO);
        children(&host, &[(8, AT_WORK, 100), (9, AT_WORK, 100)]);
        let before = accepting(&host).unwrap();
        assert_eq!(before.iter().map(|worker| worker.id).collect::<Vec<_>>(), [8, 9]);
        assert!(ended(&before).is_err(), "nginx has refused it");
        // One has died and was replaced, with the old configuration.
        children(&host, &[(8, AT_WORK, 100), (10, AT_WORK, 200)]);
        assert_eq!(ended(&before).unwrap(), Turnover::Slow(before[..1].to_vec()));
        children(&host, &[(8, GOING, 100), (9, AT_WORK, 100), (10, AT_WORK, 200)]);
        assert_eq!(ended(&before).unwrap(), Turnover::Slow(before[1..].to_vec()));
        children(&host, &[(8, GOING, 100), (9, GOING, 100), (10, AT_WORK, 200)]);
        assert_eq!(ended(&before).unwrap(), Turnover::Complete);
        // The number of one that has gone, given to a new one.
        children(&host, &[(8, AT_WORK, 300)]);
        assert_eq!(ended(&before).unwrap(), Turnover::Complete);
        children(&host, &[(8, GOING, 100)]);
        assert!(ended(&before).is_err(), "nobody accepts");
    }

    #[test]
    fn it_waits_for_the_last_old_worker() {
        let dir = tempfile::tempdir().unwrap();
        let host = nginx(dir.path());
        children(&host, &[(8, AT_WORK, 100)]);
        let before = accepting(&host).unwrap();
        children(&host, &[(8, AT_WORK, 100), (9, AT_WORK, 200)]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(60));
                write(&host, "/proc/8/cmdline", GOING);
            });
            let since = Instant::now();
            let turnover = await_turnover(&host, &before, Duration::from_secs(20)).unwrap();
            assert_eq!(turnover, Turnover::Complete);
            assert!(since.elapsed() >= Duration::from_millis(60));
        });
    }
}
