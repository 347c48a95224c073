//! The planner: from what the database holds to what a node shall do. Pure and deterministic.

use crate::account::Uid;
use crate::certificate::Fingerprint;
use crate::command::CreateUser;
use crate::domain::{Docroot, HstsAge, HttpsRedirect};
use crate::egress::EgressRule;
use crate::id::{AccountId, DomainId};
use crate::layout;
use crate::name::{DisplayName, Fqdn, Username};
use crate::package::{Bounds, EgressPolicy, Features, Limits, TimerMode};
use crate::spec::{AccountSpec, EgressSpec, SftpSpec, SiteSpec, TimerSpec, WebUserSpec};
use crate::ssh_key::SshPublicKey;
use crate::standing::Standing;
use crate::view::{ChangeKind, PlanView, PlannedChange};

/// What the database holds about one account, read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSnapshot {
    /// The account.
    pub account: AccountId,
    /// Its newest generation.
    pub generation: u64,
    /// Its name.
    pub username: Username,
    /// Its number.
    pub uid: Uid,
    /// Its owner's name.
    pub display_name: DisplayName,
    /// What of it is open.
    pub standing: Standing,
    /// The owner's own switch for file transfer.
    pub sftp_enabled: bool,
    /// The limits of its package.
    pub limits: Limits,
    /// The features of its package.
    pub features: Features,
    /// Its domains in any order.
    pub domains: Vec<DomainSnapshot>,
    /// Its keys in any order.
    pub ssh_keys: Vec<SshPublicKey>,
    /// What it may reach beside what its package allows, in any order.
    pub egress_rules: Vec<EgressRule>,
    /// Its timers in any order.
    pub timers: Vec<TimerSpec>,
    /// Web users of its sites, in any order.
    pub web_users: Vec<WebUserSpec>,
}

/// What the database holds about one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainSnapshot {
    /// The domain.
    pub domain: DomainId,
    /// Its name.
    pub fqdn: Fqdn,
    /// Other host names of its site.
    pub aliases: Vec<Fqdn>,
    /// Where its files are.
    pub docroot: Docroot,
    /// Whether it is the account's first.
    pub primary: bool,
    /// The certificate that was issued for it.
    pub certificate: Option<Fingerprint>,
    /// Whether visitors are sent to HTTPS.
    pub https_redirect: HttpsRedirect,
    /// For how long browsers remember to come by HTTPS only.
    pub hsts: Option<HstsAge>,
}

/// The spec of an account, given the installation's default limits.
pub fn account_spec(snapshot: AccountSnapshot, defaults: &Bounds) -> AccountSpec {
    let mut domains = snapshot.domains;
    domains.sort_by(|a, b| b.primary.cmp(&a.primary).then_with(|| a.fqdn.cmp(&b.fqdn)));
    let sites = domains
        .into_iter()
        .map(|domain| {
            let mut aliases = domain.aliases;
            aliases.sort();
            SiteSpec {
                domain: domain.domain,
                fqdn: domain.fqdn,
                aliases,
                docroot: domain.docroot,
                certificate: domain.certificate,
                https_redirect: domain.https_redirect,
                hsts: domain.hsts,
            }
        })
        .collect();
    let mut keys = snapshot.ssh_keys;
    keys.sort_by(|a, b| a.fingerprint().cmp(b.fingerprint()));
    let is_open = snapshot.standing.is_open();
    let mut egress_rules = snapshot.egress_rules;
    egress_rules.sort();
    let mut web_users = snapshot.web_users;
    web_users.sort_by_key(|user| user.uid);
    let mut timer_list = snapshot.timers;
    timer_list.sort_by(|a, b| a.name.cmp(&b.name));
    // What is closed is closed here, whatever its owner has switched on; the owner's own switches stay as they
    // are in the database, and count again when it opens.
    let timers = if is_open { snapshot.features.timers } else { TimerMode::Off };
    if timers == TimerMode::Off {
        timer_list.clear();
    }
    let egress = if is_open {
        EgressSpec { policy: snapshot.features.egress, rules: egress_rules }
    } else {
        EgressSpec { policy: EgressPolicy::Nothing, rules: Vec::new() }
    };
    AccountSpec {
        account: snapshot.account,
        generation: snapshot.generation,
        username: snapshot.username,
        uid: snapshot.uid,
        display_name: snapshot.display_name,
        standing: snapshot.standing,
        sftp: SftpSpec { enabled: is_open && snapshot.sftp_enabled && snapshot.features.sftp, keys },
        timers,
        timer_list,
        egress,
        bounds: snapshot.limits.resolve(defaults),
        sites,
        web_users,
    }
}

/// The host names under which a new domain is served beside its own.
pub fn standard_aliases(fqdn: &Fqdn) -> Vec<Fqdn> {
    fqdn.with_www().into_iter().collect()
}

/// What creating a user would bring about.
pub fn preview_create(
    command: &CreateUser,
    limits: &Limits,
    features: &Features,
    defaults: &Bounds,
    node: &str,
) -> PlanView {
    let create = |what: &str, name: String, detail: Option<String>| PlannedChange {
        change: ChangeKind::Create,
        what: what.to_owned(),
        name,
        detail,
    };
    let mut changes = vec![create(
        "user",
        command.email.to_string(),
        Some(format!("{}, role {}", command.display_name, command.role)),
    )];
    let Some(hosting) = &command.hosting else {
        return PlanView { changes, limits: None };
    };
    let username = &hosting.username;
    let fqdn = &hosting.primary_domain;
    changes.push(create(
        "account",
        username.to_string(),
        Some(format!("Unix account and group on node {node}, package {}", hosting.package)),
    ));
    changes.push(create(
        "home",
        layout::home(username),
        Some("root-owned, readable by the account only".to_owned()),
    ));
    let bounds = limits.resolve(defaults);
    changes.push(create(
        "quota",
        layout::home(username),
        Some(format!("{} MiB, {} files and directories", bounds.disk_mb, bounds.inodes)),
    ));
    changes.push(create(
        "slice",
        username.to_string(),
        Some(format!(
            "CPU {} %, memory {} MiB, {} tasks, disk {} MiB per second",
            bounds.cpu_percent, bounds.memory_mb, bounds.tasks, bounds.io_mb_per_second
        )),
    ));
    let sftp = match (features.sftp, hosting.sftp, hosting.ssh_keys.len()) {
        (false, ..) => "not included in the package".to_owned(),
        (true, false, _) => "switched off".to_owned(),
        (true, true, 0) => "on, but nobody gets in until a key is added".to_owned(),
        (true, true, 1) => "on, with 1 key".to_owned(),
        (true, true, keys) => format!("on, with {keys} keys"),
    };
    changes.push(create("sftp", username.to_string(), Some(sftp)));
    changes.push(create("egress", username.to_string(), Some(features.egress.as_str().to_owned())));
    changes.push(create("timers", username.to_string(), Some(features.timers.as_str().to_owned())));
    changes.push(create(
        "php",
        username.to_string(),
        Some(format!("own pool, run as {username}, started by the first request")),
    ));
    let hosts: Vec<String> =
        std::iter::once(fqdn.clone()).chain(standard_aliases(fqdn)).map(String::from).collect();
    changes.push(create(
        "site",
        fqdn.to_string(),
        Some(format!("{} for {}", layout::site_dir(username, fqdn), hosts.join(", "))),
    ));
    PlanView { changes, limits: Some(bounds) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parse;
    use crate::timer::{Schedule, TimerCommand, TimerName, TimerTimeout};

    fn domain(name: &str, primary: bool) -> DomainSnapshot {
        let fqdn = Fqdn::parse(name).unwrap();
        DomainSnapshot {
            domain: DomainId(uuid::Uuid::nil()),
            aliases: standard_aliases(&fqdn),
            fqdn,
            docroot: Docroot::default(),
            primary,
            certificate: None,
            https_redirect: HttpsRedirect::Auto,
            hsts: None,
        }
    }

    fn snapshot() -> AccountSnapshot {
        AccountSnapshot {
            account: AccountId(uuid::Uuid::nil()),
            generation: 7,
            username: Username::parse("alice").unwrap(),
            uid: Uid::try_from(1_900_000_001).unwrap(),
            display_name: DisplayName::parse("Alice").unwrap(),
            standing: Standing::Open,
            sftp_enabled: true,
            limits: Limits::default(),
            features: Features::default(),
            domains: vec![domain("a.example", false), domain("z.example", true), domain("b.example", false)],
            ssh_keys: Vec::new(),
            egress_rules: Vec::new(),
            timers: ["b", "a"].map(timer).into(),
            web_users: Vec::new(),
        }
    }

    fn timer(name: &str) -> TimerSpec {
        TimerSpec {
            name: TimerName::parse(name).unwrap(),
            schedule: Schedule::parse("@daily").unwrap(),
            command: TimerCommand::parse("true").unwrap(),
            enabled: true,
            timeout_s: TimerTimeout::default(),
            run_wanted_at: None,
        }
    }

    #[test]
    fn a_package_without_timers_wins_over_timers_that_are_there() {
        let mut without = snapshot();
        without.features.timers = TimerMode::Off;
        assert_eq!(account_spec(without, &Bounds::default()).timer_list, []);
        let names: Vec<_> = account_spec(snapshot(), &Bounds::default())
            .timer_list
            .into_iter()
            .map(|timer| timer.name.to_string())
            .collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn the_spec_does_not_depend_on_the_order_of_rows() {
        let forward = account_spec(snapshot(), &Bounds::default());
        let mut turned = snapshot();
        turned.domains.reverse();
        assert_eq!(forward, account_spec(turned, &Bounds::default()));
        let names: Vec<_> = forward.sites.iter().map(|site| site.fqdn.as_str()).collect();
        assert_eq!(names, ["z.example", "a.example", "b.example"]);
    }

    #[test]
    fn a_package_without_sftp_wins_over_the_switch() {
        let mut without = snapshot();
        without.features.sftp = false;
        assert!(!account_spec(without, &Bounds::default()).sftp.enabled);
    }

    #[test]
    fn what_does_not_stand_open_lets_nobody_in_and_nothing_out() {
        for standing in [Standing::Suspended, Standing::Trashed, Standing::Purged] {
            let closed = account_spec(AccountSnapshot { standing, ..snapshot() }, &Bounds::default());
            assert!(!closed.sftp.enabled && closed.timer_list.is_empty(), "{standing:?}");
            assert_eq!((closed.timers, closed.egress.policy), (TimerMode::Off, EgressPolicy::Nothing));
            // Everything else is as it was, so that opening it again changes nothing else.
            let open = account_spec(snapshot(), &Bounds::default());
            assert_eq!(closed.sites, open.sites);
            assert_eq!(closed.sftp.keys, open.sftp.keys);
        }
        let mut off = snapshot();
        off.sftp_enabled = false;
        assert!(!account_spec(off, &Bounds::default()).sftp.enabled, "what was off stays off");
    }

    #[test]
    fn a_spec_survives_the_wire() {
        let spec = account_spec(snapshot(), &Bounds::default());
        let wire = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<AccountSpec>(&wire).unwrap(), spec);
        let forged = wire.replace("\"alice\"", "\"root\"");
        assert!(serde_json::from_str::<AccountSpec>(&forged).is_err(), "a spec is parsed again on the node");
    }
}
