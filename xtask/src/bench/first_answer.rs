//! From the start of the create to the first answer of the new site that PHP gave as the new user.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::accounts::Accounts;
use super::conventional::{Conventional, PORT};
use super::sample::Summary;
use crate::suite::support::domain_of;

/// How many are measured each way: an odd number has a middle one.
const SAMPLES: usize = 15;

/// How long to wait between two questions. Each is answered at once as long as there is no such site.
const PAUSE: Duration = Duration::from_millis(2);

/// Gives up after this time.
const LIMIT: Duration = Duration::from_mins(2);

/// Berth's way.
pub(super) fn berth(accounts: &Accounts<'_>) -> Result<Summary> {
    let mut times = Vec::new();
    for _ in 0..SAMPLES {
        let name = accounts.another();
        let (created, answered) =
            watched(&accounts.node().address(), 80, &domain_of(&name), || accounts.create(&name))?;
        ensure!(created.uid == answered.uid, "the page of {name} shows uid {}", answered.uid);
        times.push(answered.at.saturating_duration_since(created.at));
        accounts.settle()?;
    }
    Summary::of(times)
}

/// The conventional way.
pub(super) fn conventional(conventional: &Conventional<'_>) -> Result<Summary> {
    let mut times = Vec::new();
    for index in 0..SAMPLES {
        let name = Conventional::sample_name(index);
        let host = Conventional::host(&name);
        let (created, answered) =
            watched(&conventional.address(), PORT, &host, || conventional.create(&name))?;
        ensure!(created.uid == answered.uid, "the page of {name} shows uid {}", answered.uid);
        times.push(answered.at.saturating_duration_since(created.at));
        // Old workers and pools of the last reload must not be charged to the next one.
        std::thread::sleep(Duration::from_secs(2));
    }
    Summary::of(times)
}

/// The first right answer.
struct Answered {
    at: Instant,
    uid: u64,
}

/// Does something while another thread asks for the site until it answers.
fn watched<T>(
    address: &str,
    port: u16,
    host: &str,
    create: impl FnOnce() -> Result<T>,
) -> Result<(T, Answered)> {
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let since = Instant::now();
            while since.elapsed() < LIMIT {
                if let Some(uid) = ask(address, port, host) {
                    return Ok(Answered { at: Instant::now(), uid });
                }
                std::thread::sleep(PAUSE);
            }
            bail!("{host} did not answer within {LIMIT:?}");
        });
        let created = create();
        let answered =
            asking.join().map_err(|_| anyhow::anyhow!("the thread that asks for {host} panicked"))?;
        Ok((created?, answered.with_context(|| format!("port {port} of {address}"))?))
    })
}

/// The uid that the page shows, if there is a page.
fn ask(address: &str, port: u16, host: &str) -> Option<u64> {
    let mut stream = TcpStream::connect((address, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // A server that reloads may reset the connection; then this was no answer.
    stream.read_to_end(&mut answer).ok()?;
    shown_uid(&String::from_utf8_lossy(&answer))
}

/// The uid in an answer with status 200.
fn shown_uid(answer: &str) -> Option<u64> {
    if !answer.starts_with("HTTP/1.1 200 ") {
        return None;
    }
    let (_, rest) = answer.split_once("uid=")?;
    let digits = rest.split(|next: char| !next.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_with_a_uid_counts() {
        assert_eq!(shown_uid("HTTP/1.1 200 OK\r\n\r\n<code>uid=1900000007</code>"), Some(1_900_000_007));
        assert_eq!(shown_uid("HTTP/1.1 200 OK\r\n\r\nhello"), None);
        assert_eq!(shown_uid("HTTP/1.1 502 Bad Gateway\r\n\r\nuid=1"), None);
        assert_eq!(shown_uid(""), None);
    }
}
