//! Timers: fired by the account's own user manager or by the agent, and the same either way.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Check;
use super::support::{
    CONVERGED_WITHIN, Tenant, as_tenant, berth, berth_json, failure, items, problems, tenant, tenant_with,
    text,
};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("timers of both modes run as the tenant, with the same environment, in the slice", both_modes_alike),
    ("a timer fires in its minute while the agent is stopped, and its run is shown later", without_agent),
    ("a failed timer puts a message into the outbox", failure_is_told),
    ("an edited timer runs what it says now, and a removed one does not run", edits_count),
    ("a timer runs one at a time, and is ended when it takes too long", one_at_a_time),
    ("a timer's command is kept as it is written, and one of two lines is refused", commands_are_exact),
    ("what a tenant plants among the records of timers does nothing", planted_records),
    ("a package without timers refuses them and takes them from the host", off),
    ("systemd and the API agree on when a timer is due", due_alike),
];

/// How long until something that is due every minute has run, and is known.
const A_MINUTE: Duration = Duration::from_secs(135);

const EVERY_MINUTE: &str = "* * * * *";

/// What a run shows of its surroundings.
const SHOW: &str = "id; pwd; umask; env | sort; grep -c . /proc/self/status; ls /etc/berth /etc/berth/timers; \
                    ls /var/lib/berth 2>&1; grep NoNewPrivs /proc/self/status; ls -d /proc/1 2>&1; \
                    cat /proc/self/cgroup; php -r 'echo PHP_VERSION_ID >= 80000;'";

/// A tenant of a package whose timers the agent fires.
fn on_demand(node: &Node, name: &str) -> Result<Tenant> {
    if berth(node, &["package", "show", "timers-on-demand"])?.code != 0 {
        berth(node, &["package", "create", "timers-on-demand", "--timers", "on-demand"])?.success()?;
    }
    tenant_with(node, name, "timers-on-demand")
}

fn add(node: &Node, tenant: &Tenant, name: &str, schedule: &str, command: &str, more: &[&str]) -> Result<()> {
    let mut arguments = vec!["timer", "add", &tenant.name, "--name", name, "--schedule", schedule];
    arguments.extend(["--command", command, "--wait"]);
    arguments.extend(more);
    berth(node, &arguments)?.success()?;
    Ok(())
}

fn remove(node: &Node, tenant: &Tenant, name: &str) -> Result<()> {
    berth(node, &["timer", "remove", &tenant.name, name, "--wait"])?.success()?;
    Ok(())
}

/// The runs of a timer that the server knows, the newest first. Has the node look first, so that they come at
/// once.
fn runs(node: &Node, tenant: &Tenant, name: &str) -> Result<Vec<Value>> {
    berth(node, &["node", "audit", "--now", "--wait"])?;
    let listed = berth_json(node, &["timer", "runs", &tenant.name, name])?;
    Ok(items(&listed)?.clone())
}

/// Waits for a run and gives the newest.
fn ran(node: &Node, tenant: &Tenant, name: &str) -> Result<Value> {
    node.wait_for("a run of the timer", A_MINUTE, |node| Ok(!runs(node, tenant, name)?.is_empty()))?;
    runs(node, tenant, name)?.into_iter().next().context("the run is gone again")
}

fn both_modes_alike(node: &Node) -> Result<()> {
    let always = tenant(node, "alice")?;
    let demand = on_demand(node, "tina")?;
    let mut seen = Vec::new();
    for tenant in [&always, &demand] {
        add(node, tenant, "show", EVERY_MINUTE, SHOW, &[])?;
    }
    for tenant in [&always, &demand] {
        let run = ran(node, tenant, "show")?;
        let output = text(&run, "/output")?;
        ensure!(run.pointer("/succeeded") == Some(&Value::Bool(true)), "it failed: {run}");
        ensure!(output.contains(&format!("uid={}({})", tenant.uid, tenant.name)), "another user: {output}");
        ensure!(output.contains(&format!("/{}/", tenant.slice())), "outside of the slice: {output}");
        ensure!(output.contains("NoNewPrivs:\t1") && output.ends_with('1'), "{output}");
        ensure!(!output.contains("XDG_") && !output.contains("keys"), "it sees too much: {output}");
        // But for who it is and the name of its unit, it looks the same.
        let same: Vec<String> = output
            .lines()
            .filter(|line| !line.starts_with("0::/"))
            .map(|line| line.replace(&tenant.uid.to_string(), "UID").replace(&tenant.name, "NAME"))
            .collect();
        seen.push(same);
        let shown = berth(node, &["timer", "show", &tenant.name, "show"])?.success()?;
        ensure!(shown.contains("succeeded") && shown.contains("uid="), "timer show: {shown}");
        let listed = node.run(["ls", "-ln", &format!("/home/{}/.berth", tenant.name)])?;
        ensure!(listed.contains("drwx------") && listed.contains(&tenant.uid.to_string()), "{listed}");
        remove(node, tenant, "show")?;
    }
    ensure!(seen.first() == seen.last(), "the modes differ: {seen:#?}");
    Ok(())
}

fn without_agent(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    add(node, &alice, "alone", EVERY_MINUTE, "echo alone", &[])?;
    node.run(["systemctl", "stop", "berth-agent.service"])?;
    let spool = format!("/home/{}/.berth/runs", alice.name);
    let fired = node.wait_for("a record in the spool", A_MINUTE, |node| {
        Ok(node
            .run(["ls", &spool])?
            .lines()
            .any(|name| name.strip_prefix("alone.").and_then(|rest| rest.strip_suffix(".run")).is_some()))
    });
    node.run(["systemctl", "start", "berth-agent.service"])?;
    fired?;
    let run = ran(node, &alice, "alone")?;
    ensure!(text(&run, "/output")? == "alone\n", "{run}");
    remove(node, &alice, "alone")
}

fn failure_is_told(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    add(node, &alice, "fails", "@yearly", "echo no; exit 3", &["--mail-on-failure"])?;
    for count in 1..=2 {
        berth(node, &["timer", "run", &alice.name, "fails", "--wait"])?.success()?;
        node.wait_for("the run", CONVERGED_WITHIN, |node| Ok(runs(node, &alice, "fails")?.len() >= count))?;
    }
    let run = ran(node, &alice, "fails")?;
    ensure!(text(&run, "/outcome/kind")? == "exited" && text(&run, "/output")? == "no\n", "{run}");
    ensure!(run.pointer("/outcome/number") == Some(&Value::from(3)), "{run}");
    // That there is only one within an hour is shown by a test of the server.
    let database = "/var/lib/berth/server/berth.db";
    let told = node.exec(["grep", "-aqs", "timer.failed", database, &format!("{database}-wal")])?;
    ensure!(told.code == 0, "no message about the failure is stored");
    remove(node, &alice, "fails")
}

fn edits_count(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    add(node, &alice, "edited", "@yearly", "echo first", &[])?;
    let arguments =
        ["timer", "edit", &alice.name, "edited", "--schedule", EVERY_MINUTE, "--command", "echo second"];
    berth(node, &arguments)?.success()?;
    let run = ran(node, &alice, "edited")?;
    ensure!(text(&run, "/output")? == "second\n", "{run}");
    remove(node, &alice, "edited")?;
    let uid = alice.uid;
    let copy = node.run(["cat", &format!("/run/user/{uid}/berth-timers")])?;
    ensure!(!copy.contains("edited"), "the manager still has it: {copy}");
    let machine = format!("--machine={}@", alice.name);
    let listed = node.run(["systemctl", "--user", &machine, "list-timers", "--all", "--no-pager"])?;
    ensure!(!listed.contains("edited"), "{listed}");
    let left = node.run(["ls", &format!("/etc/berth/timers/{uid}")])?;
    ensure!(!left.contains("edited"), "{left}");
    Ok(())
}

fn one_at_a_time(node: &Node) -> Result<()> {
    for tenant in [tenant(node, "alice")?, on_demand(node, "tina")?] {
        let file = format!("{}/private/overlap", tenant.site());
        let command = format!("echo x >> {file}; sleep 20 & sleep 300");
        add(node, &tenant, "slow", "@yearly", &command, &["--time-limit", "8"])?;
        for _ in 0..3 {
            berth(node, &["timer", "run", &tenant.name, "slow", "--wait"])?.success()?;
        }
        let run = ran(node, &tenant, "slow")?;
        ensure!(text(&run, "/outcome/kind")? == "timed_out", "{run}");
        let begun = node.run(["wc", "-l", &file])?;
        ensure!(begun.starts_with("1 "), "it ran more than once at a time: {begun}");
        ensure!(node.exec(["pgrep", "-u", &tenant.name, "sleep"])?.code != 0, "something of it is left");
        node.run(["rm", &file])?;
        remove(node, &tenant, "slow")?;
    }
    Ok(())
}

fn commands_are_exact(node: &Node) -> Result<()> {
    let odd = "printf '%s|' \"100 %\" '$HOME' %h %% \\\\ \"it's\" \"$BERTH_TIMER\" '`id`' ';' '[Service]'";
    let expected = "100 %|$HOME|%h|%%|\\|it's|odd|`id`|;|[Service]|";
    for tenant in [tenant(node, "alice")?, on_demand(node, "tina")?] {
        add(node, &tenant, "odd", "@yearly", odd, &[])?;
        berth(node, &["timer", "run", &tenant.name, "odd", "--wait"])?.success()?;
        let run = ran(node, &tenant, "odd")?;
        ensure!(text(&run, "/output")? == expected, "{run}");
        let broken = ["timer", "edit", &tenant.name, "odd", "--command", "true\nid", "--json"];
        let refused = failure(&berth(node, &broken)?)?;
        ensure!(problems(&refused) == [("value_invalid".to_owned(), "command".to_owned())], "{refused}");
        remove(node, &tenant, "odd")?;
    }
    Ok(())
}

fn planted_records(node: &Node) -> Result<()> {
    let tina = on_demand(node, "tina")?;
    let alice = tenant(node, "alice")?;
    add(node, &tina, "real", "@yearly", "echo real", &[])?;
    add(node, &alice, "real", "@yearly", "echo alices", &[])?;
    let spool = format!("/home/{}/.berth/runs", tina.name);
    let script = "cd \"$0\" || exit 1; ln -s /etc/shadow real.1.run; mkfifo real.2.run; mkdir real.3.run; \
                  ln -s /dev/zero real.4.run; head -c 400000 /dev/zero > real.5.run; \
                  printf '{\"started_at\":\"2026-01-01T00:00:00Z\",\"x\":1}' > real.6.run; \
                  for i in $(seq 2000); do : > \"junk$i\"; done; mkfifo z.lock";
    as_tenant(node, &tina, &["sh", "-c", script, &spool]).output()?;
    let since = std::time::Instant::now();
    berth(node, &["node", "audit", "--now", "--wait"])?.success()?;
    ensure!(since.elapsed() < Duration::from_secs(20), "an audit took {:?}", since.elapsed());
    for tenant in [&tina, &alice] {
        let listed = runs(node, tenant, "real")?;
        ensure!(listed.is_empty(), "made up: {listed:?}");
    }
    let shadow = node.run(["stat", "--format=%U %a", "/etc/shadow"])?;
    ensure!(shadow.trim() == "root 640", "/etc/shadow: {shadow}");
    as_tenant(node, &tina, &["sh", "-c", "rm -rf \"$0\"/*", &spool]).output()?;
    berth(node, &["timer", "run", &tina.name, "real", "--wait"])?.success()?;
    let run = ran(node, &tina, "real")?;
    ensure!(text(&run, "/output")? == "real\n", "{run}");
    // What a tenant makes up is shown to them, and as theirs only.
    let moved = as_tenant(node, &tina, &["mv", &spool, &format!("{spool}2")]).outcome()?;
    ensure!(moved.code != 0, "the tenant moved the spool away");
    remove(node, &tina, "real")?;
    remove(node, &alice, "real")
}

fn off(node: &Node) -> Result<()> {
    if berth(node, &["package", "show", "timers-change"])?.code != 0 {
        berth(node, &["package", "create", "timers-change", "--timers", "always"])?.success()?;
    }
    let olga = tenant_with(node, "olga", "timers-change")?;
    add(node, &olga, "soon", EVERY_MINUTE, "echo soon", &[])?;
    berth(node, &["package", "edit", "timers-change", "--timers", "off"])?.success()?;
    let dir = format!("/etc/berth/timers/{}", olga.uid);
    let unit = format!("user@{}.service", olga.uid);
    node.wait_for("the timers to be gone", CONVERGED_WITHIN, |node| {
        let active = node.exec(["systemctl", "is-active", "--quiet", &unit])?.code == 0;
        Ok(node.exec(["test", "-e", &dir])?.code != 0 && !active)
    })?;
    let arguments =
        ["timer", "add", "olga", "--name", "b", "--schedule", "@daily", "--command", "id", "--json"];
    let refused = failure(&berth(node, &arguments)?)?;
    ensure!(problems(&refused).iter().any(|(code, _)| code == "timers_not_included"), "{refused}");
    berth(node, &["package", "edit", "timers-change", "--timers", "always"])?.success()?;
    let run = ran(node, &olga, "soon")?;
    ensure!(text(&run, "/output")? == "soon\n", "{run}");
    Ok(())
}

fn due_alike(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    for (index, schedule) in
        ["*/7 3-5,22 * * mon-fri", "0 0 13 * 5", "30 4 29 2 *", "@weekly"].iter().enumerate()
    {
        let name = format!("due{index}");
        add(node, &alice, &name, schedule, "true", &[])?;
        let shown = berth_json(node, &["timer", "show", &alice.name, &name])?;
        let next = text(&shown, "/next_run")?;
        let unit = node.run(["cat", &format!("/etc/berth/timers/{}/berth-timer@{name}.timer", alice.uid)])?;
        let mut soonest = None;
        for calendar in unit.lines().filter_map(|line| line.strip_prefix("OnCalendar=")) {
            let said = node.program(["env", "TZ=UTC", "systemd-analyze", "calendar", calendar]).output()?;
            let line = said
                .lines()
                .find_map(|line| line.trim().strip_prefix("Next elapse:"))
                .context("no elapse")?;
            let words: Vec<&str> = line.split_whitespace().collect();
            let moment =
                format!("{}T{}Z", words.get(1).context("no date")?, words.get(2).context("no time")?);
            soonest = Some(soonest.map_or(moment.clone(), |known: String| known.min(moment)));
        }
        ensure!(soonest.as_deref() == Some(next), "{schedule}: systemd says {soonest:?}, the API {next}");
        remove(node, &alice, &name)?;
    }
    Ok(())
}
