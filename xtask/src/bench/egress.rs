//! What the packet filter costs a packet: with 100,000 accounts in its map, beside none at all.
//!
//! Both are measured in turns, in a network namespace of their own, so that nothing of this machine's own
//! packet filter counts. A datagram goes from a socket that belongs to an account to one that does not, and is
//! read. The owner of a socket is who its inode belongs to, so nothing has to run as the account.

use std::fmt::Write;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::process::Program;
use crate::progress::Step;
use crate::{files, paths};

/// Accounts in the map.
const ACCOUNTS: u32 = 100_000;

/// The account whose packets are measured.
const UID: u32 = 1_900_050_000;

/// How often each is measured.
const TURNS: usize = 9;

/// Datagrams of one measurement.
const PACKETS: u32 = 100_000;

/// How much more a packet may cost.
const GOAL: f64 = 1.15;

/// Time per datagram, sent and received, in nanoseconds: medians of the turns.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Cost {
    /// Accounts in the map.
    accounts: u32,
    /// Without a packet filter.
    without_ns: f64,
    /// Of an account.
    tenant_ns: f64,
    /// Of root, whose packets leave at the first rule.
    root_ns: f64,
    /// Of an account, compared with none.
    ratio: f64,
    /// Loading the table with everything in it, in milliseconds.
    replace_ms: f64,
}

/// Measures in a network namespace of its own.
pub(super) fn run() -> Result<Cost> {
    let step = Step::start(format!("measuring packets with {ACCOUNTS} accounts in the map"));
    let said = Program::new("unshare")
        .arg("--net")
        .arg(format!("/proc/{}/exe", std::process::id()))
        .args(["bench", "--inside-egress"])
        .within(Duration::from_mins(5))
        .output()?;
    step.done();
    serde_json::from_str(&said).with_context(|| format!("the measurement said {said:?}"))
}

/// Measures here and prints what was found.
pub(super) fn inside() -> Result<()> {
    Program::new("ip").args(["link", "set", "lo", "up"]).output()?;
    let receiver = UdpSocket::bind("127.0.0.1:0").context("cannot bind a socket")?;
    let port = receiver.local_addr().context("a socket has no address")?.port();
    let frame = files::read(&paths::repository()?.join("packaging/nftables/egress.nft"))?;
    let ruleset = paths::cache().join(format!("egress-{}.nft", std::process::id()));
    files::write(&ruleset, &(frame + &elements(port)))?;
    let measured = measure(&receiver, &ruleset);
    std::fs::remove_file(&ruleset).with_context(|| format!("cannot remove {}", ruleset.display()))?;
    println!("{}", serde_json::to_string(&measured?).context("cannot encode the figures")?);
    Ok(())
}

/// Every account in the map, and what lets the measured one reach the receiver.
fn elements(port: u16) -> String {
    let mut text = String::from("\nadd element inet berth tenants {\n");
    for number in 1..=ACCOUNTS {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{} : goto web,", 1_900_000_000 + number);
    }
    let _ = writeln!(text, "}}\nadd element inet berth granted4 {{ {UID} . 127.0.0.1 . udp . {port} }}");
    text
}

fn measure(receiver: &UdpSocket, ruleset: &Path) -> Result<Cost> {
    let tenant = sender(receiver, Some(UID))?;
    let root = sender(receiver, None)?;
    let (mut without, mut with, mut of_root, mut loads) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        without.push(packets(&tenant, receiver)?);
        let since = Instant::now();
        Program::new("nft").arg("--file").arg(ruleset).output()?;
        loads.push(since.elapsed().as_secs_f64() * 1_000.0);
        with.push(packets(&tenant, receiver)?);
        of_root.push(packets(&root, receiver)?);
        Program::new("nft").args(["delete", "table", "inet", "berth"]).output()?;
    }
    let (without_ns, tenant_ns) = (median(&mut without), median(&mut with));
    Ok(Cost {
        accounts: ACCOUNTS,
        without_ns,
        tenant_ns,
        root_ns: median(&mut of_root),
        ratio: tenant_ns / without_ns,
        replace_ms: median(&mut loads),
    })
}

/// A socket that sends to the receiver and belongs to this user.
fn sender(receiver: &UdpSocket, uid: Option<u32>) -> Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0").context("cannot bind a socket")?;
    std::os::unix::fs::fchown(&socket, uid, None).context("cannot give a socket away")?;
    socket.connect(receiver.local_addr()?).context("cannot connect a socket")?;
    Ok(socket)
}

/// Nanoseconds per datagram.
fn packets(sender: &UdpSocket, receiver: &UdpSocket) -> Result<f64> {
    let mut buffer = [0; 8];
    let since = Instant::now();
    for _ in 0..PACKETS {
        sender.send(b"datagram").context("a datagram was refused")?;
        let length = receiver.recv(&mut buffer).context("a datagram was lost")?;
        ensure!(length == buffer.len(), "a datagram was cut");
    }
    Ok(since.elapsed().as_secs_f64() * 1e9 / f64::from(PACKETS))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Prints what was measured.
pub(super) fn print(cost: &Cost) {
    println!();
    println!("A datagram over the loopback, sent and received, with {} accounts in the map:", cost.accounts);
    println!("  {:>8.0} ns without a packet filter", cost.without_ns);
    println!("  {:>8.0} ns of an account: {:.2} times (goal: {GOAL})", cost.tenant_ns, cost.ratio);
    println!("  {:>8.0} ns of root: {:.2} times", cost.root_ns, cost.root_ns / cost.without_ns);
    println!("  {:>8.0} ms to load the whole table", cost.replace_ms);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measured_account_is_in_the_map_and_a_median_is_a_measured_value() {
        let text = elements(53);
        assert_eq!(text.lines().filter(|line| line.ends_with(" : goto web,")).count(), 100_000);
        assert!(text.contains(&format!("\n{UID} : goto web,\n")));
        assert!(text.ends_with(&format!("granted4 {{ {UID} . 127.0.0.1 . udp . 53 }}\n")));
        assert_eq!(median(&mut [3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
    }
}
