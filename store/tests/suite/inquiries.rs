//! Questions to nodes.

use berth_core::Parse;
use berth_core::id::{InquiryId, NodeId};
use berth_core::inquiry::{Found, Inquiry, Question, Reply};
use berth_core::log::{LineCount, LogKind};
use berth_store::{inquiries, nodes};
use chrono::TimeDelta;

use crate::db::{at, id};

pub(crate) fn inquiry() -> Inquiry {
    let question = Question::Log {
        username: "alice".parse().unwrap(),
        fqdn: "alicesite.com".parse().unwrap(),
        kind: LogKind::Php,
        lines: LineCount::parse("7").unwrap(),
        filter: None,
    };
    Inquiry { id: InquiryId(id()), question }
}

both_engines! {
    async fn a_question_is_given_once_and_answered_once(db) {
        let (node, _) = db.ground().await;
        let mut tx = db.store.begin().await.unwrap();
        let other = nodes::ensure(&mut tx, NodeId(id()), "node2", at(1)).await.unwrap();
        let asked = inquiry();
        inquiries::ask(&mut tx, node.id, &asked, at(1)).await.unwrap();
        assert!(inquiries::is_waiting(&mut tx, node.id).await.unwrap());
        assert!(!inquiries::is_waiting(&mut tx, other.id).await.unwrap());
        assert_eq!(inquiries::give(&mut tx, node.id, at(2)).await.unwrap(), std::slice::from_ref(&asked));
        assert!(!inquiries::is_waiting(&mut tx, node.id).await.unwrap());
        assert_eq!(inquiries::answered(&mut tx, asked.id).await.unwrap(), None);
        let found = Found::Log { lines: vec!["a".to_owned()], more: false };
        let reply = Reply { id: asked.id, outcome: Ok(found.clone()) };
        assert!(!inquiries::answer(&mut tx, other.id, &reply).await.unwrap(), "it was not asked");
        assert!(inquiries::answer(&mut tx, node.id, &reply).await.unwrap());
        assert!(!inquiries::answer(&mut tx, node.id, &reply).await.unwrap());
        assert_eq!(inquiries::answered(&mut tx, asked.id).await.unwrap(), Some(Ok(found)));
        inquiries::remove(&mut tx, asked.id).await.unwrap();
        assert_eq!(inquiries::answered(&mut tx, asked.id).await.unwrap(), None);
    }

    async fn nobody_waits_for_ever(db) {
        let (node, _) = db.ground().await;
        let mut tx = db.store.begin().await.unwrap();
        inquiries::ask(&mut tx, node.id, &inquiry(), at(1)).await.unwrap();
        let new = inquiry();
        inquiries::ask(&mut tx, node.id, &new, at(1) + TimeDelta::minutes(3)).await.unwrap();
        assert_eq!(inquiries::give(&mut tx, node.id, at(500)).await.unwrap(), [new]);
    }
}
