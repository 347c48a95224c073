//! Many creates beside the system's own tools that edit the same files.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::Check;
use super::support::{berth, create_arguments_with};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[(
    "1,000 users beside looping useradd, passwd and adduser: nothing lost, no lock failure",
    beside_tools,
)];

const USERS: usize = 1_000;

/// How many creates are under way at once.
const LANES: usize = 8;

/// Edits the account files with the system's own tools until a file appears; every failure ends it.
const TOOLS: &str = r#"
n=0
while [ ! -e /run/stop-tools ]; do
  n=$((n + 1))
  useradd --no-create-home "tool$n"
  printf 'tool%s:%s\n' "$n" 'correct-horse-battery' | chpasswd
  passwd --lock --quiet "tool$n"
  adduser --system --quiet --no-create-home "toolsys$n"
done
echo "$n"
"#;

fn beside_tools(node: &Node) -> Result<()> {
    node.exec(["rm", "-f", "/run/stop-tools"])?;
    // A user manager for each would take more memory than it tells about account files.
    if berth(node, &["package", "show", "batch"])?.code != 0 {
        berth(node, &["package", "create", "batch", "--timers", "off"])?.success()?;
    }
    let tools =
        node.program(["/bin/sh", "-eu", "-s"]).input(TOOLS).within(Duration::from_mins(20)).start()?;
    let created = create_all(node);
    let settled = created.and_then(|()| {
        node.wait_for("1,000 accounts", Duration::from_mins(8), |node| {
            let accounts = node.run(["getent", "passwd"])?;
            Ok(accounts.lines().filter(|line| line.starts_with("batch")).count() == USERS)
        })
    });
    node.run(["touch", "/run/stop-tools"])?;
    let rounds = tools.finish()?.success()?;
    settled?;
    let rounds: usize = rounds.lines().next_back().unwrap_or_default().trim().parse()?;
    ensure!(rounds >= 20, "the tools ran only {rounds} times");

    for file in ["passwd", "shadow", "group", "gshadow"] {
        let text = node.run(["cat", &format!("/etc/{file}")])?;
        let count = |prefix: &str| {
            text.lines()
                .filter(|line| {
                    line.strip_prefix(prefix)
                        .is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()))
                })
                .count()
        };
        ensure!(count("batch") == USERS, "{file} has {} of {USERS} users", count("batch"));
        ensure!(count("tool") == rounds, "{file} has {} of {rounds} of useradd's", count("tool"));
        if matches!(file, "passwd" | "shadow") {
            ensure!(count("toolsys") == rounds, "{file} has {} of {rounds} of adduser's", count("toolsys"));
        }
    }
    for check in [["pwck", "--read-only", "--quiet"], ["grpck", "--read-only", "--quiet"]] {
        let said = node.exec(check)?;
        let complaints: Vec<&str> = said
            .stdout
            .lines()
            .filter(|line| line.contains("batch") && !line.contains("does not exist"))
            .collect();
        ensure!(complaints.is_empty(), "{check:?} says {complaints:?}");
    }
    Ok(())
}

fn create_all(node: &Node) -> Result<()> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..LANES)
            .map(|lane| {
                scope.spawn(move || -> Result<()> {
                    for index in (lane..USERS).step_by(LANES) {
                        let name = format!("batch{index:04}");
                        berth(node, &create_arguments_with(&name, "batch"))?.success()?;
                    }
                    Ok(())
                })
            })
            .collect();
        for worker in workers {
            match worker.join() {
                Ok(result) => result?,
                Err(_) => bail!("a worker panicked"),
            }
        }
        Ok(())
    })
}
