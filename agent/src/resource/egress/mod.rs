//! What accounts may send: an element for each in the packet filter's map, and the rules of some.
//!
//! Without an element everything is refused, so nothing waits for this resource, and it waits for nothing: the
//! map knows accounts by number.

mod repair;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use berth_core::condition::Resource;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem};
use rustix::io::Errno;

use super::{Accounts, Context, Converged, Failure, Observed, SharedOutcome, SharedResource};
use crate::egress::{Delta, Elements, Tenant, resolvers};
use crate::host::firewall::{Changed, Look};
use crate::host::{HostError, Kind};
use tally::Tally;

/// The resolver configuration.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// How often it is tried to change the packet filter before somebody else does.
const ATTEMPTS: usize = 5;

/// What accounts may send.
#[derive(Default)]
pub struct Egress {
    state: Mutex<State>,
}

/// What is known of the table.
#[derive(Default)]
struct State {
    /// The generation of the packet filter at which the table was as it shall be and held `elements`.
    generation: Option<u32>,
    elements: Elements,
    resolvers: Option<BTreeSet<IpAddr>>,
    tally: Tally,
}

impl SharedResource for Egress {
    fn name(&self) -> &'static str {
        "egress"
    }

    fn resource(&self) -> Option<Resource> {
        Some(Resource::Egress)
    }

    fn needs(&self) -> &'static [Resource] {
        &[]
    }

    fn commit(&self, context: &Context<'_>, accounts: &Accounts<'_>) -> SharedOutcome {
        if accounts.worked.is_empty() && !accounts.audit {
            return SharedOutcome::default();
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let converged = state.converge(context, accounts);
        let mut outcome = SharedOutcome::default();
        if let Err(failure) = &converged {
            // What the table holds is not known any more.
            state.generation = None;
            outcome.node.push(failure.problem().clone());
        }
        for spec in accounts.worked() {
            let result = converged.clone().and_then(|()| state.observed(context, spec));
            outcome.accounts.insert(spec.account, result);
        }
        outcome
    }
}

impl State {
    fn converge(&mut self, context: &Context<'_>, accounts: &Accounts<'_>) -> Result<(), Failure> {
        let firewall = context.host.firewall();
        if accounts.audit || self.resolvers.is_none() {
            self.resolvers = Some(name_servers(context)?);
        }
        if !accounts.audit && self.generation.is_some() && self.changes(accounts).is_empty() {
            // A slice of an audit, of which there are many; its end asks the kernel once for all of them.
            return Ok(());
        }
        for _ in 0..ATTEMPTS {
            let look = firewall.look().map_err(unsupported)?;
            let delta = if self.is_as_left(look) {
                self.changes(accounts)
            } else {
                let wanted = self.wanted(accounts);
                if !self.repair(context, look, &wanted, accounts)? {
                    continue;
                }
                self.elements.delta(&wanted)
            };
            if delta.is_empty() || self.change(context, &delta)? {
                // A new table counts anew.
                return self.tally.read(context, look.refused, accounts.audit);
            }
        }
        let detail = "somebody changes the packet filter all the time";
        Err(Problem::new(Code::HostFailed, detail).hint("`nft monitor` on the node shows who").into())
    }

    /// Whether nobody has changed the packet filter since the table was as it shall be.
    fn is_as_left(&self, look: Look) -> bool {
        self.generation == Some(look.generation) && look.refused.is_some()
    }

    /// All that the table shall hold.
    fn wanted(&self, accounts: &Accounts<'_>) -> Elements {
        Elements {
            tenants: accounts
                .ready
                .values()
                .filter(|spec| !spec.standing.is_purged())
                .map(|spec| (spec.uid.get(), Tenant::from(&spec.egress)))
                .collect(),
            resolvers: self.resolvers.clone().unwrap_or_default(),
        }
    }

    /// What is to be done for the accounts of the pass; at the end of an audit also for what is nobody's.
    fn changes(&self, accounts: &Accounts<'_>) -> Delta {
        if accounts.audit {
            return self.elements.delta(&self.wanted(accounts));
        }
        let mut delta = Delta::default();
        for spec in accounts.worked() {
            delta.extend(self.elements.delta_of(spec.uid.get(), &tenant(spec)));
        }
        delta
    }

    /// Changes elements and reads back what the map then holds. Says whether it was done: somebody else may
    /// have been quicker.
    fn change(&mut self, context: &Context<'_>, delta: &Delta) -> Result<bool, Failure> {
        let Some(generation) = self.generation else { return Ok(false) };
        let firewall = context.host.firewall();
        self.generation = None;
        let Changed::Done(reached) = firewall.change(generation, delta)? else { return Ok(false) };
        self.elements.apply(delta);
        let uids: BTreeSet<u32> = delta.add.iter().filter_map(crate::egress::Element::uid).collect();
        let uids: Vec<u32> = uids.into_iter().collect();
        for (uid, verdict) in firewall.verdicts(&uids)? {
            if self.elements.tenants.get(&uid).and_then(|tenant| tenant.verdict) != Some(verdict) {
                let detail = format!("the packet filter does not hold the policy of account {uid}");
                return Err(Failure::new(Code::HostFailed, detail));
            }
        }
        self.generation = Some(reached);
        Ok(true)
    }

    fn observed(&mut self, context: &Context<'_>, spec: &AccountSpec) -> Converged {
        let found = self.elements.tenants.get(&spec.uid.get());
        if spec.standing.is_purged() && found.is_none() {
            return Ok(Observed::new().with("state", "gone"));
        }
        if found != Some(&tenant(spec)) {
            return Err(Failure::new(
                Code::HostFailed,
                "the packet filter does not hold the account's rules",
            ));
        }
        let picture = self.tally.shown(spec.uid.get(), context.now);
        let mut observed = Observed::new()
            .with("policy", spec.egress.policy.as_str())
            .with("rules", spec.egress.rules.len());
        if picture.refused > 0 {
            observed = observed.with("refused", picture.refused);
        }
        if !picture.blocked.is_empty() {
            let blocked = serde_json::to_value(&picture.blocked).unwrap_or_default();
            observed = observed.with("blocked", blocked);
        }
        Ok(observed)
    }
}

/// What the table shall say about an account; nothing of one that is purged.
fn tenant(spec: &AccountSpec) -> Tenant {
    if spec.standing.is_purged() { Tenant::default() } else { Tenant::from(&spec.egress) }
}

/// The name servers of the host.
fn name_servers(context: &Context<'_>) -> Result<BTreeSet<IpAddr>, Failure> {
    let host = context.host;
    let mut path = RESOLV_CONF.to_owned();
    // Nobody but root can write to /etc, so a link in it leads where root wanted.
    for _ in 0..4 {
        let Some(Kind::Link(target)) = host.entry(&path)?.map(|entry| entry.kind) else { break };
        path = beneath(&path, &target);
    }
    let text = host.read(&path)?.unwrap_or_default();
    Ok(resolvers(&String::from_utf8_lossy(&text)))
}

/// Where a link leads, without `.` and `..`.
fn beneath(link: &str, target: &str) -> String {
    let parent = link.rsplit_once('/').map_or("", |(parent, _)| parent);
    let whole = if target.starts_with('/') { target.to_owned() } else { format!("{parent}/{target}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// What a host is missing that can't even be asked.
fn unsupported(error: HostError) -> Failure {
    let missing = [Errno::PERM, Errno::OPNOTSUPP, Errno::PROTONOSUPPORT, Errno::AFNOSUPPORT, Errno::INVAL];
    if missing.into_iter().any(|errno| error.is(errno)) {
        Failure::Unsupported(Problem::new(Code::EgressUnsupported, error.to_string()))
    } else {
        error.into()
    }
}
