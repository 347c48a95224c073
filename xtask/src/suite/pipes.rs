//! Whatever a tenant makes in the own tree, the web server does not wait for it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Check;
use super::support::{as_tenant, site, tenant, write_as};
use crate::node::Node;
use crate::process::Program;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] =
    &[("pipes in a tenant's tree don't keep another site from answering within 100 ms", pipes)];

fn pipes(node: &Node) -> Result<()> {
    // A tenant of her own: what waits for a pipe keeps her PHP busy for minutes.
    let alice = tenant(node, "plumber")?;
    let bob = tenant(node, "bob")?;
    write_as(node, &bob, &format!("{}/quick.txt", bob.public()), "quick")?;
    let names = ["pipe.html", "pipe.txt", "pipe-index/index.html", "pipe-index/index.php"];
    let directory = format!("{}/pipe-index", alice.public());
    as_tenant(node, &alice, &["mkdir", "-p", &directory]).output()?;
    for name in names {
        let path = format!("{}/{name}", alice.public());
        if node.exec(["stat", &path])?.code != 0 {
            as_tenant(node, &alice, &["mkfifo", "--", &path]).output()?;
        }
    }
    // The logs are shown to her, so she must not be able to put a pipe there.
    let log = format!("{}/logs/access.log", alice.site());
    let planted = as_tenant(node, &alice, &["sh", "-c", "rm -f \"$0\"; mkfifo \"$0\"", &log]).outcome()?;
    ensure!(planted.code != 0, "she put a pipe in the place of her log");

    // More waiting requests than the web server has workers.
    let mut waiting = Vec::new();
    for _ in 0..5 {
        for path in ["pipe.html", "pipe.txt", "pipe-index/"] {
            waiting.push(
                Program::new("curl")
                    .args(["--silent", "--output", "/dev/null", "--max-time", "15"])
                    .args(["--header", &format!("Host: {}", alice.domain)])
                    .arg(format!("http://{}/{path}", node.address()))
                    .start()?,
            );
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    let mut times = Vec::new();
    for _ in 0..11 {
        let since = Instant::now();
        let answer = site(node, &bob.domain, "/quick.txt")?;
        times.push(since.elapsed());
        ensure!(answer.body == "quick", "bob's site answers {answer:?}");
    }
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    ensure!(middle < Duration::from_millis(100), "bob's site takes {middle:?} while pipes are asked for");
    Ok(())
}
