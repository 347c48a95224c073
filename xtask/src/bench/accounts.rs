//! The accounts that are present while something is measured.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::node::Node;
use crate::process::Program;
use crate::suite::support::{api, berth, domain_of};

/// What the package is, in the report.
pub(super) const DESCRIPTION: &str = "as shipped, but timers=off: no user manager per account";

const PACKAGE: &str = "bench";

/// How many creates are under way at once while filling up.
const LANES: usize = 4;

/// The accounts of the node.
pub(super) struct Accounts<'a> {
    node: &'a Node,
    key: String,
    created: AtomicUsize,
}

/// A create that was answered.
pub(super) struct Created {
    /// When the client was started.
    pub(super) at: Instant,
    /// From there to the end of the answer, as the client measured it.
    pub(super) took: Duration,
    /// The number of the Unix account.
    pub(super) uid: u64,
}

impl<'a> Accounts<'a> {
    /// Makes the package that all of them have.
    pub(super) fn prepare(node: &'a Node, key: String) -> Result<Self> {
        // A user manager for each of 1,000 accounts would be measured instead of Berth.
        berth(node, &["package", "create", PACKAGE, "--timers", "off"])?.success()?;
        Ok(Self { node, key, created: AtomicUsize::new(0) })
    }

    /// The node that they are on.
    pub(super) fn node(&self) -> &Node {
        self.node
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.created.load(Ordering::Relaxed)
    }

    /// Creates accounts until there are so many, and waits until the node has made all of them.
    pub(super) fn fill(&self, count: usize) -> Result<()> {
        let failed = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..LANES {
                scope.spawn(|| {
                    while let Some(name) = self.next(count) {
                        if let Err(error) = self.create(&name) {
                            *failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                            return;
                        }
                    }
                });
            }
        });
        if let Some(error) = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err(error);
        }
        self.settle()
    }

    /// Waits until the node has made all accounts.
    pub(super) fn settle(&self) -> Result<()> {
        self.node.wait_for("all accounts to converge", Duration::from_mins(10), |node| {
            let answer = api(node, &self.key, "GET", "/nodes", None)?.json()?;
            let count = |name: &str| answer.pointer(&format!("/items/0/{name}")).and_then(Value::as_u64);
            ensure!(count("failed") == Some(0), "some accounts failed: {answer}");
            Ok(count("provisioning") == Some(0) && count("accounts") >= Some(self.count() as u64))
        })?;
        Ok(())
    }

    /// A name that nobody has, unless there are so many accounts already.
    fn next(&self, limit: usize) -> Option<String> {
        let taken = self
            .created
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < limit).then_some(count + 1));
        taken.ok().map(name)
    }

    /// A name that nobody has.
    pub(super) fn another(&self) -> String {
        name(self.created.fetch_add(1, Ordering::Relaxed))
    }

    /// Creates an account as a user of the API would: a client of its own, a connection of its own, a
    /// generated password.
    pub(super) fn create(&self, name: &str) -> Result<Created> {
        let body = json!({
            "username": name, "email": format!("{name}@example.com"), "display_name": "Bench User",
            "role": "user", "package": PACKAGE, "primary_domain": domain_of(name),
        })
        .to_string();
        let authorization = format!("Authorization: Bearer {}", self.key);
        let url = format!("https://{}:8443/api/v1/users", self.node.address());
        let mut at = None;
        let mut said = Vec::new();
        // Both ways are timed from the first line of a shell, so that neither has the start of a process
        // more than the other.
        let code = Program::new("/bin/sh")
            .args(["-c", "echo start; exec curl \"$@\"", "sh"])
            .args(["--silent", "--show-error", "--insecure", "--max-time", "60", "--header", &authorization])
            .args(["--header", "Content-Type: application/json", "--data", &body])
            .args(["--write-out", "\n%{http_code} %{time_total}", &url])
            .lines(|line| match at {
                None => at = Some(Instant::now()),
                Some(_) => said.push(line.to_owned()),
            })?;
        let (Some(at), Some(last)) = (at, said.pop()) else {
            bail!("the create of {name} answered nothing; curl ended with {code}");
        };
        let said = said.join("\n");
        let Some(seconds) = last.strip_prefix("201 ") else {
            bail!("the create of {name} is answered with {last}: {said}");
        };
        let seconds: f64 = seconds.parse().with_context(|| format!("{seconds:?} is no time"))?;
        let answer: Value = serde_json::from_str(said.trim())
            .with_context(|| format!("the create of {name} answered no JSON: {said}"))?;
        ensure!(answer.get("password").is_some_and(Value::is_string), "no generated password for {name}");
        let uid = answer.get("uid").and_then(Value::as_u64).context("a create answered no uid")?;
        Ok(Created { at, took: Duration::from_secs_f64(seconds), uid })
    }
}

fn name(index: usize) -> String {
    format!("bench{index:05}")
}
