use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use berth_core::Parse;
use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::egress::{EgressRule, Network, PortRange, Protocol};
use berth_core::package::EgressPolicy;
use berth_core::spec::AccountSpec;

use super::beneath;
use crate::egress::{Element, Refusal, Refusals, Verdict};
use crate::host::Host;
use crate::reconcile::testing::{Node, spec};

fn condition(node: &Node, number: u32) -> Condition {
    let account = spec("anyone", number, 1).account;
    let ledger = node.ledger.lock().unwrap();
    let report = ledger.reported(account).unwrap();
    report.conditions.iter().find(|c| c.resource == Resource::Egress).unwrap().clone()
}

fn elements(node: &Node) -> Vec<String> {
    let table = node.tree.firewall().table().unwrap().unwrap();
    table.elements.iter().map(|element| format!("{} {element}", element.part())).collect()
}

fn with_rules(name: &str, number: u32, generation: u64, rules: &[(&str, &str)]) -> AccountSpec {
    let rule = |(network, port): &(&str, &str)| EgressRule {
        network: Network::parse(network).unwrap(),
        port: PortRange::parse(port).unwrap(),
        protocol: Protocol::Tcp,
    };
    let mut spec = spec(name, number, generation);
    spec.egress.rules = rules.iter().map(rule).collect();
    spec
}

#[test]
fn each_account_has_its_elements_and_a_change_is_a_delta() {
    let node = Node::new();
    node.accept(vec![
        spec("alice", 1, 1),
        with_rules("bobby", 2, 2, &[("10.0.0.0/8", "1-9"), ("10.1.0.0/16", "5-20")]),
    ]);
    node.pass();
    let expected = [
        "resolvers4 127.0.0.1",
        "tenants 1900000002 : goto web",
        "tenants 1900000003 : goto web",
        "granted4 1900000003 . 10.0.0.0-10.255.255.255 . 6 . 1-9",
        "granted4 1900000003 . 10.1.0.0-10.1.255.255 . 6 . 10-20",
    ];
    assert_eq!(elements(&node), expected);
    assert_eq!(condition(&node, 2).observed["rules"], 2);

    let mut changed = spec("alice", 1, 3);
    changed.egress.policy = EgressPolicy::Nothing;
    node.accept(vec![changed, spec("bobby", 2, 4)]);
    let before = std::fs::read_to_string(node.tree.real("/").join("../commands.log")).unwrap();
    node.pass();
    assert_eq!(elements(&node), [expected[0], "tenants 1900000002 : goto none", expected[2]]);
    assert_eq!(condition(&node, 1).observed["policy"], "none");
    let after = std::fs::read_to_string(node.tree.real("/").join("../commands.log")).unwrap();
    let commands: Vec<&str> = after[before.len()..].lines().filter(|line| line.contains("berth ")).collect();
    assert_eq!(
        commands,
        [
            "delete element inet berth tenants { 1900000002 : goto web }",
            "delete element inet berth granted4 { 1900000003 . 10.0.0.0-10.255.255.255 . 6 . 1-9 }",
            "delete element inet berth granted4 { 1900000003 . 10.1.0.0-10.1.255.255 . 6 . 10-20 }",
            "add element inet berth tenants { 1900000002 : goto none }",
        ]
    );
}

#[test]
fn whatever_somebody_did_to_the_table_is_undone() {
    let node = Node::new();
    node.accept(vec![spec("alice", 1, 1)]);
    node.pass();
    let whole = elements(&node);
    let mut reconciler = node.reconciler(Arc::clone(&node.tree) as Arc<dyn Host>);
    let all = node.ledger.lock().unwrap().specs().into_keys().collect();
    let mut heals = |what: &str| {
        let outcome = reconciler.pass(&all, true, Instant::now());
        assert_eq!(outcome.node_problems, [], "{what}");
        assert_eq!(elements(&node), whole, "{what}");
    };
    let firewall = node.tree.fake_firewall();
    heals("nothing");
    firewall.tamper(|_| {});
    heals("another table changed");
    firewall.tamper(|table| *table = None);
    heals("the table deleted");
    firewall.tamper(|table| table.as_mut().unwrap().elements.tenants.clear());
    heals("an element deleted");
    firewall.tamper(|table| {
        let verdict = Verdict::Policy(EgressPolicy::Open);
        table.as_mut().unwrap().elements.insert(Element::Tenant(1_900_000_002, verdict));
        table.as_mut().unwrap().elements.insert(Element::Tenant(1_900_000_099, Verdict::Foreign));
    });
    heals("elements altered and added");
    firewall.tamper(|table| drop(table.as_mut().unwrap().frame.insert("chain web".into(), "other".into())));
    heals("a chain added");
    firewall.tamper(|table| table.as_mut().unwrap().frame.clear());
    heals("a chain flushed");
}

#[test]
fn what_was_refused_is_shown_with_patience() {
    let node = Node::new();
    node.accept(vec![spec("alice", 1, 1), spec("bobby", 2, 2)]);
    node.pass();
    assert!(!condition(&node, 1).observed.contains_key("refused"));
    let refuse = |packets: u64| {
        let to = "192.0.2.7".parse().unwrap();
        let one = Refusal { uid: 1_900_000_002, to, protocol: 6, port: 25, packets };
        let totals = BTreeMap::from([(one.uid, packets + 1)]);
        node.tree.fake_firewall().refuse(Refusals { destinations: vec![one], totals });
    };
    let mut reconciler = node.reconciler(Arc::clone(&node.tree) as Arc<dyn Host>);
    let all = node.ledger.lock().unwrap().specs().into_keys().collect();
    let mut reported = || {
        let outcome = reconciler.pass(&all, true, Instant::now());
        for report in &outcome.reports {
            node.ledger.lock().unwrap().acknowledge(report.clone()).unwrap();
        }
        outcome.reports.len()
    };
    refuse(14);
    assert_eq!(reported(), 1);
    let seen = condition(&node, 1);
    assert_eq!(seen.state, ConditionState::Converged);
    assert_eq!(seen.observed["refused"], 15);
    let blocked = serde_json::json!([{"to": "192.0.2.7", "port": 25, "protocol": "tcp", "times": 14}]);
    assert_eq!(seen.observed["blocked"], blocked);
    refuse(20);
    assert_eq!(reported(), 0, "a few more are not worth a report");
    refuse(40);
    assert_eq!(reported(), 1, "twice as many are");
    assert!(!condition(&node, 2).observed.contains_key("blocked"), "bobby sees only what is his");
}

#[test]
fn links_of_the_resolver_configuration_are_followed_by_their_text() {
    for (link, target, expected) in [
        (
            "/etc/resolv.conf",
            "../run/systemd/resolve/stub-resolv.conf",
            "/run/systemd/resolve/stub-resolv.conf",
        ),
        ("/etc/resolv.conf", "/run/x", "/run/x"),
        ("/etc/resolv.conf", "./resolv.d/../x", "/etc/x"),
        ("/x", "../../y", "/y"),
    ] {
        assert_eq!(beneath(link, target), expected);
    }
}
