//! What a tenant's processes may send, whichever way they were started.

use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Check;
use super::support::{
    CONVERGED_WITHIN, Tenant, as_tenant, berth, berth_json, php, tenant, tenant_with, text,
};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    (
        "egress: port 25 and the metadata address are refused to a tenant at once and counted; 443 is not",
        refused,
    ),
    ("egress: a rule of an administrator opens a port and a private address, and takes it away again", rules),
    ("egress: a changed package changes what its accounts reach", packages),
    ("egress: nobody but tenants is refused anything", others),
    ("egress: a tenant reaches neither services of this host nor other tenants by the loopback", loopback),
    ("egress: what somebody does to the packet filter is undone, and other tables are left alone", healed),
    ("egress: after a boot without the agent tenants reach nothing, and with it what they may", boot),
];

/// The metadata service of clouds.
const METADATA: &str = "169.254.169.254";

/// A connection that is refused must not make a program wait.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A server at the node's public neighbour that greets on these ports.
struct Greeter;

impl Greeter {
    fn start(node: &Node) -> Result<()> {
        for port in [25, 443] {
            let address = format!("{}:{port}", node.neighbour());
            // An earlier check of this run has started it already, and it lives as long as the run.
            let Ok(listener) = TcpListener::bind(&address) else { continue };
            std::thread::spawn(move || {
                for mut stream in listener.incoming().flatten() {
                    // Whoever hung up has seen that the connection was there.
                    let _ = stream.write_all(b"hello\n");
                }
            });
        }
        let root = node.exec(["nc", "-z", "-w", "3", &node.neighbour(), "25"])?;
        ensure!(root.code == 0, "the test server can't be reached at all: {}", root.stderr);
        Ok(())
    }
}

/// How a tenant's process comes to be.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// As after `su` or a login.
    Shell,
    /// As a page.
    Php,
    /// As a unit of the service manager, which timers are.
    Unit,
}

const WAYS: [Way; 3] = [Way::Shell, Way::Php, Way::Unit];

/// Whether the tenant can connect; a refusal must come at once.
fn reaches(node: &Node, tenant: &Tenant, way: Way, address: &str, port: u16) -> Result<bool> {
    let port = port.to_string();
    let connect = ["nc", "-z", "-w", "3", address, &port];
    if let Way::Php = way {
        let script = format!(
            "<?php $t = microtime(true); $s = @fsockopen('{address}', {port}, $code, $said, 3); \
             echo $s ? 'open' : 'refused', ' ', round(microtime(true) - $t);"
        );
        let said = php(node, tenant, &script)?;
        ensure!(said == "open 0" || said == "refused 0", "PHP at {address}:{port}: {said}");
        return Ok(said == "open 0");
    }
    let since = Instant::now();
    let outcome = match way {
        Way::Unit => {
            let user = format!("--uid={}", tenant.name);
            let unit = ["systemd-run", "--quiet", "--wait", "--collect", &user];
            node.exec(unit.into_iter().chain(connect))?
        }
        _ => as_tenant(node, tenant, &connect).outcome()?,
    };
    if outcome.code != 0 {
        ensure!(since.elapsed() < AT_ONCE, "the refusal of {address}:{port} took {:?}", since.elapsed());
    }
    Ok(outcome.code == 0)
}

fn expect(node: &Node, tenant: &Tenant, way: Way, (address, port): (&str, u16), open: bool) -> Result<()> {
    let found = reaches(node, tenant, way, address, port)?;
    let word = if found { "reaches" } else { "does not reach" };
    ensure!(found == open, "{} {word} {address}:{port} by {way:?}", tenant.name);
    Ok(())
}

fn refused(node: &Node) -> Result<()> {
    Greeter::start(node)?;
    let edgar = tenant(node, "edgar")?;
    let outside = node.neighbour();
    for way in WAYS {
        expect(node, &edgar, way, (&outside, 443), true)?;
        expect(node, &edgar, way, (&outside, 25), false)?;
        expect(node, &edgar, way, (METADATA, 80), false)?;
    }
    audit(node)?;
    let lines =
        [format!("blocked: 25/tcp to {outside}, 3 times"), format!("blocked: 80/tcp to {METADATA}, 3 times")];
    node.wait_for("the count of refusals", CONVERGED_WITHIN, |node| {
        let shown = berth(node, &["egress", "show", "edgar"])?.success()?;
        Ok(lines.iter().all(|line| shown.contains(line.as_str())))
    })
    .with_context(|| {
        berth(node, &["egress", "show", "edgar"]).map_or_else(|e| e.to_string(), |o| o.stdout)
    })?;
    Ok(())
}

fn rules(node: &Node) -> Result<()> {
    Greeter::start(node)?;
    let edgar = tenant(node, "edgar")?;
    let outside = node.neighbour();
    let private = node.gateway();
    let listener =
        TcpListener::bind(format!("{private}:0")).context("cannot listen on the node's gateway")?;
    let port = listener.local_addr().context("a listener has no address")?.port();
    for (network, place) in
        [(outside.as_str(), (outside.as_str(), 25)), ("10.203.0.0/16", (private.as_str(), port))]
    {
        expect(node, &edgar, Way::Shell, place, false)?;
        let number = place.1.to_string();
        let allow = ["egress", "allow", "edgar", "--to", network, "--port", &number, "--note", "a test"];
        let rule = berth_json(node, &[&allow[..], &["--wait"]].concat())?;
        for way in WAYS {
            expect(node, &edgar, way, place, true)?;
        }
        expect(node, &tenant(node, "alice")?, Way::Shell, place, false)?;
        let id = text(&rule, "/id")?.to_owned();
        berth(node, &["egress", "remove", "edgar", &id, "--wait"])?.success()?;
        expect(node, &edgar, Way::Shell, place, false)?;
    }
    Ok(())
}

fn packages(node: &Node) -> Result<()> {
    Greeter::start(node)?;
    if berth(node, &["package", "show", "wired"])?.code != 0 {
        berth(node, &["package", "create", "wired", "--egress", "web"])?.success()?;
    }
    let wanda = tenant_with(node, "wanda", "wired")?;
    let outside = node.neighbour();
    for (policy, web, mail) in [("none", false, false), ("open", true, true), ("web+mail", true, false)] {
        berth(node, &["package", "edit", "wired", "--egress", policy])?.success()?;
        let chain = if policy == "web+mail" { "web-mail" } else { policy };
        let wanted = format!("{} : goto {chain}", wanda.uid);
        node.wait_for("the new policy", CONVERGED_WITHIN, |node| {
            Ok(node.run(["nft", "list", "map", "inet", "berth", "tenants"])?.contains(&wanted))
        })?;
        expect(node, &wanda, Way::Shell, (&outside, 443), web)?;
        expect(node, &wanda, Way::Shell, (&outside, 25), mail)?;
        expect(node, &wanda, Way::Shell, (METADATA, 80), false)?;
    }
    Ok(())
}

fn others(node: &Node) -> Result<()> {
    Greeter::start(node)?;
    let outside = node.neighbour();
    let connect = ["nc", "-z", "-w", "3", &outside, "25"];
    ensure!(node.exec(connect)?.code == 0, "root is refused");
    for user in ["berth", "berth-web", "www-data", "nobody"] {
        let enter = ["setpriv", "--reuid", user, "--clear-groups", "--"];
        let outcome = node.exec(enter.into_iter().chain(connect))?;
        ensure!(outcome.code == 0, "{user} is refused: {}", outcome.stderr);
    }
    Ok(())
}

fn loopback(node: &Node) -> Result<()> {
    let edgar = tenant(node, "edgar")?;
    let alice = tenant(node, "alice")?;
    let own = node.address();
    for (address, port) in
        [("127.0.0.1", 80), ("127.0.0.1", 8443), ("127.0.0.1", 22), ("::1", 80), (&own, 8443)]
    {
        expect(node, &edgar, Way::Shell, (address, port), false)?;
    }
    // What another tenant listens on.
    let server = as_tenant(node, &alice, &["nc", "-l", "127.0.0.1", "3000"]).start()?;
    node.wait_for("alice's own server", Duration::from_secs(10), |node| {
        Ok(node.run(["ss", "-Hltn", "sport = :3000"])?.contains("3000"))
    })?;
    expect(node, &edgar, Way::Shell, ("127.0.0.1", 3000), false)?;
    // She can be asked by others: an answer is part of a connection that came from outside.
    let asked = node.exec(["nc", "-z", "-w", "3", "127.0.0.1", "3000"])?;
    ensure!(asked.code == 0, "the answer of alice's own server did not get through");
    drop(server);
    Ok(())
}

fn healed(node: &Node) -> Result<()> {
    Greeter::start(node)?;
    let edgar = tenant(node, "edgar")?;
    let outside = node.neighbour();
    for argv in [
        &["nft", "add", "table", "inet", "foreign"][..],
        &["nft", "add", "chain", "inet", "foreign", "mine"],
        &["nft", "add", "rule", "inet", "foreign", "mine", "tcp", "dport", "4711", "drop"],
    ] {
        node.run(argv)?;
    }
    let frame = || -> Result<String> { node.run(["nft", "--stateless", "list", "table", "inet", "berth"]) };
    let foreign = || node.run(["nft", "--handle", "list", "table", "inet", "foreign"]);
    audit(node)?;
    let (whole, untouched) = (without_counts(&frame()?), foreign()?);
    let element = format!("{{ {} }}", edgar.uid);
    let stranger = format!("{{ {} : goto open }}", edgar.uid + 7_000);
    for argv in [
        &["nft", "delete", "element", "inet", "berth", "tenants", &element][..],
        &["nft", "add", "element", "inet", "berth", "tenants", &stranger],
        &["nft", "flush", "chain", "inet", "berth", "refuse"],
        &["nft", "insert", "rule", "inet", "berth", "output", "accept"],
        &["nft", "delete", "element", "inet", "berth", "private4", "{ 10.0.0.0/8 }"],
        &["nft", "add", "chain", "inet", "berth", "other"],
        &["nft", "add", "table", "inet", "berth", "{ flags dormant; }"],
        &["nft", "delete", "table", "inet", "berth"],
    ] {
        node.run(argv)?;
        audit(node)?;
        let now = without_counts(&frame()?);
        ensure!(now == whole, "after {argv:?} it is\n{now}\ninstead of\n{whole}");
        ensure!(foreign()? == untouched, "after {argv:?} another table was touched");
        expect(node, &edgar, Way::Shell, (&outside, 25), false)?;
        expect(node, &edgar, Way::Shell, (&outside, 443), true)?;
    }
    node.run(["nft", "delete", "table", "inet", "foreign"])?;
    Ok(())
}

/// A table without what the kernel counts: destinations come and go.
fn without_counts(table: &str) -> String {
    let mut kept = Vec::new();
    let mut skipping = false;
    for line in table.lines() {
        if ["set blocked", "set refusals", "set pace"].iter().any(|set| line.trim().starts_with(set)) {
            skipping = true;
        }
        if !skipping {
            kept.push(line);
        }
        if line.trim() == "}" {
            skipping = false;
        }
    }
    kept.join("\n")
}

fn boot(node: &Node) -> Result<()> {
    let edgar = tenant(node, "edgar")?;
    node.run(["systemctl", "mask", "--now", "berth-agent.service"])?;
    let tried = without_agent(node, &edgar);
    node.run(["systemctl", "unmask", "berth-agent.service"])?;
    node.run(["systemctl", "start", "berth-agent.service"])?;
    tried?;
    let outside = node.neighbour();
    node.wait_for("the agent after the boot", CONVERGED_WITHIN, |node| {
        reaches(node, &edgar, Way::Shell, &outside, 443)
    })?;
    expect(node, &edgar, Way::Shell, (&outside, 25), false)
}

fn without_agent(node: &Node, edgar: &Tenant) -> Result<()> {
    node.reboot()?;
    let state = node.exec(["systemctl", "is-active", "berth-agent.service"])?;
    ensure!(state.stdout.trim() != "active", "the agent runs although it is masked");
    let order = node.run(["systemctl", "show", "--property=Before", "--value", "berth-egress.service"])?;
    ensure!(order.contains("network-pre.target"), "the table is loaded after the network: {order}");
    let outside = node.neighbour();
    let root = node.exec(["nc", "-z", "-w", "3", &outside, "443"])?;
    ensure!(root.code == 0, "the test server can't be reached after the boot");
    for way in [Way::Shell, Way::Unit] {
        for place in [(outside.as_str(), 443), (outside.as_str(), 25), (METADATA, 80), ("127.0.0.1", 22)] {
            expect(node, edgar, way, place, false)?;
        }
    }
    Ok(())
}

fn audit(node: &Node) -> Result<()> {
    berth(node, &["node", "audit", "--now", "--wait"])?.success()?;
    Ok(())
}
