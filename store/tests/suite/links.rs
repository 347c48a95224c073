//! What nodes say and are asked for.

use berth_core::id::{NodeId, QuarantineId};
use berth_core::link::{Inventory, QuarantineReport};
use berth_core::{Code, Problem};
use berth_store::nodes::{self, ForeignNames};

use crate::db::{at, id};

both_engines! {
    async fn a_node_is_added_once(db) {
        let (node, _) = db.ground().await;
        let mut tx = db.store.begin().await.unwrap();
        assert_eq!(nodes::ensure(&mut tx, NodeId(id()), "node1", at(9)).await.unwrap(), node);
        assert_eq!(nodes::by_id(&mut tx, node.id).await.unwrap(), Some(node.clone()));
        assert_eq!(nodes::list(&mut tx).await.unwrap().len(), 1);
        assert_eq!(nodes::overview(&mut tx, "node2").await.unwrap(), None);
        assert_eq!(nodes::next_generation(&mut tx, node.id).await.unwrap(), 1);
        assert_eq!(nodes::next_generation(&mut tx, node.id).await.unwrap(), 2);
        assert!(nodes::next_generation(&mut tx, NodeId(id())).await.is_err());
    }

    async fn what_an_agent_says_is_kept(db) {
        let (node, _) = db.ground().await;
        let problems = vec![Problem::new(Code::HostFailed, "no cgroups").hint("mount them")];
        let mut tx = db.store.begin().await.unwrap();
        nodes::seen(&mut tx, node.id, Some("1.2.3"), at(5)).await.unwrap();
        nodes::seen(&mut tx, node.id, None, at(6)).await.unwrap();
        nodes::set_problems(&mut tx, node.id, &problems).await.unwrap();
        let found = nodes::by_name(&mut tx, "node1").await.unwrap().unwrap();
        assert_eq!((found.seen_at, found.agent_version.as_deref()), (Some(at(6)), Some("1.2.3")));
        assert_eq!(found.problems, problems);
    }

    async fn audits_are_counted_and_answered(db) {
        let (node, _) = db.ground().await;
        let mut tx = db.store.begin().await.unwrap();
        assert!(!nodes::audit_done(&mut tx, node.id, 1).await.unwrap(), "nobody asked");
        assert_eq!(nodes::request_audit(&mut tx, node.id).await.unwrap(), 1);
        assert_eq!(nodes::request_audit(&mut tx, node.id).await.unwrap(), 2);
        assert!(nodes::audit_done(&mut tx, node.id, 2).await.unwrap());
        assert!(!nodes::audit_done(&mut tx, node.id, 1).await.unwrap(), "that was before");
        let found = nodes::by_name(&mut tx, "node1").await.unwrap().unwrap();
        assert_eq!((found.audit_requested, found.audit_done), (2, 2));
    }

    async fn foreign_names_are_known_until_they_are_gone(db) {
        let (node, _) = db.ground().await;
        let mut tx = db.store.begin().await.unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let inventory = Inventory { names: names(&["mysqladm", "both", "both"]), homes: names(&["both", "left"]) };
        nodes::set_inventory(&mut tx, node.id, &inventory).await.unwrap();
        for (name, account, home) in
            [("mysqladm", true, false), ("both", true, true), ("left", false, true), ("free", false, false)]
        {
            let found = nodes::foreign(&mut tx, node.id, &name.parse().unwrap()).await.unwrap();
            assert_eq!(found, ForeignNames { account, home }, "{name}");
        }
        nodes::set_inventory(&mut tx, node.id, &Inventory::default()).await.unwrap();
        let found = nodes::foreign(&mut tx, node.id, &"both".parse().unwrap()).await.unwrap();
        assert_eq!(found, ForeignNames::default());
    }

    async fn a_quarantine_frees_the_name(db) {
        let (node, _) = db.ground().await;
        let left = "left".parse().unwrap();
        let mut tx = db.store.begin().await.unwrap();
        let inventory = Inventory { names: vec![], homes: vec!["left".into()] };
        nodes::set_inventory(&mut tx, node.id, &inventory).await.unwrap();
        let (first, second) = (QuarantineId(id()), QuarantineId(id()));
        nodes::insert_quarantine(&mut tx, first, node.id, &left, at(1)).await.unwrap();
        assert_eq!(nodes::pending_quarantines(&mut tx, node.id).await.unwrap().len(), 1);
        let problem = Problem::new(Code::HostFailed, "busy");
        let report = QuarantineReport { id: first, outcome: Err(problem.clone()) };
        assert!(!nodes::finish_quarantine(&mut tx, NodeId(id()), &report, at(2)).await.unwrap(), "not its node");
        assert!(nodes::finish_quarantine(&mut tx, node.id, &report, at(2)).await.unwrap());
        assert!(!nodes::finish_quarantine(&mut tx, node.id, &report, at(3)).await.unwrap(), "done before");
        assert!(nodes::foreign(&mut tx, node.id, &left).await.unwrap().home);

        nodes::insert_quarantine(&mut tx, second, node.id, &left, at(4)).await.unwrap();
        let report = QuarantineReport { id: second, outcome: Ok("/var/lib/berth/quarantine/left".into()) };
        assert!(nodes::finish_quarantine(&mut tx, node.id, &report, at(5)).await.unwrap());
        assert!(!nodes::foreign(&mut tx, node.id, &left).await.unwrap().home);
        assert_eq!(nodes::pending_quarantines(&mut tx, node.id).await.unwrap(), []);
        let failed = nodes::quarantine(&mut tx, first).await.unwrap().unwrap();
        assert_eq!((failed.problem, failed.done_at), (Some(problem), Some(at(2))));
        let moved = nodes::quarantine(&mut tx, second).await.unwrap().unwrap();
        assert_eq!(moved.moved_to.as_deref(), Some("/var/lib/berth/quarantine/left"));
        assert_eq!(moved.created_at, at(4));
    }
}
