use berth_core::command::AddEgressRule;
use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::egress::RULES_MAX;
use berth_core::link::{AccountReport, Report};
use berth_core::mode::Mode;
use berth_core::package::EgressPolicy;
use berth_core::policy::Scope;
use berth_core::problem::Code;
use berth_server::app;
use serde_json::json;

use crate::harness::{Harness, done, expect, fields, user};

fn rule(network: &str, port: &str) -> AddEgressRule {
    AddEgressRule::parse(fields(json!({"network": network, "port": port, "note": "the relay"}))).unwrap()
}

#[tokio::test]
async fn a_rule_comes_once_reaches_the_spec_and_goes() {
    let harness = Harness::new().await;
    let root = harness.root();
    harness.create("alice", "user").await;
    let alice = user("alice");
    let before = harness.bytes();
    for mode in [Mode::Plan, Mode::CheckOnly] {
        app::add_egress_rule(&root, &alice, rule("192.0.2.0/24", "25"), mode).await.unwrap();
    }
    assert!(harness.bytes() == before);
    let made = done(app::add_egress_rule(&root, &alice, rule("192.0.2.0/24", "25"), Mode::Apply).await);
    assert_eq!(made.note.as_ref().unwrap().as_str(), "the relay");
    let spec = harness.spec("alice").await.egress;
    assert_eq!((spec.policy, spec.rules), (EgressPolicy::Web, vec![made.rule.clone()]));
    let again = app::add_egress_rule(&root, &alice, rule("192.0.2.0/24", "25"), Mode::Apply).await;
    expect(again, Code::EgressRuleTaken, Some("network"));
    assert_eq!(app::show_egress(&root, &alice).await.unwrap().rules, std::slice::from_ref(&made));
    done(app::remove_egress_rule(&root, &alice, made.id, Mode::Apply).await);
    assert!(harness.spec("alice").await.egress.rules.is_empty());
    let again = app::remove_egress_rule(&root, &alice, made.id, Mode::Apply).await;
    expect(again, Code::EgressRuleNotFound, None);
}

#[tokio::test]
async fn an_account_has_only_so_many_rules_and_only_its_own() {
    let harness = Harness::new().await;
    let root = harness.root();
    harness.create("alice", "user").await;
    harness.create("bob", "user").await;
    let first = done(app::add_egress_rule(&root, &user("alice"), rule("192.0.2.1", "1"), Mode::Apply).await);
    for number in 2..=RULES_MAX {
        let command = rule("192.0.2.1", &number.to_string());
        done(app::add_egress_rule(&root, &user("alice"), command, Mode::Apply).await);
    }
    let one_more = app::add_egress_rule(&root, &user("alice"), rule("192.0.2.1", "99"), Mode::Apply).await;
    expect(one_more, Code::EgressRulesExceeded, None);
    let of_bob = app::remove_egress_rule(&root, &user("bob"), first.id, Mode::Apply).await;
    expect(of_bob, Code::EgressRuleNotFound, None);
}

#[tokio::test]
async fn a_user_sees_what_was_refused_and_changes_nothing() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let spec = harness.spec("alice").await;
    let blocked = json!([{"to": "192.0.2.7", "port": 25, "protocol": "tcp", "times": 14}]);
    let condition = Condition::new(Resource::Egress, ConditionState::Converged)
        .observe("refused", 15)
        .observe("blocked", blocked);
    let report =
        AccountReport { account: spec.account, generation: spec.generation, conditions: vec![condition] };
    let node = app::linked_node(&harness.app).await.unwrap();
    app::report(&harness.app, &node, Report { accounts: vec![report], ..Report::default() }).await.unwrap();
    let alice = harness.with_key("alice", Scope::ALL).await;
    let seen = app::show_egress(&alice, &user("alice")).await.unwrap();
    assert_eq!((seen.policy, seen.refused), (EgressPolicy::Web, 15));
    assert_eq!(seen.blocked[0].to_string(), "25/tcp to 192.0.2.7, 14 times");
    let wider =
        app::add_egress_rule(&alice, &user("alice"), rule("10.0.0.0/8", "1-65535"), Mode::Apply).await;
    expect(wider, Code::Forbidden, None);
}
