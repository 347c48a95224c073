//! What has happened, and what is on its way to whom.

use berth_core::id::{DeliveryId, EventId, UserId, WebhookId};
use berth_core::webhook::DeliveryState;
use berth_store::events::{self, EventFilter, EventRecord};
use berth_store::webhooks::{self, DeliveryFilter, WebhookRecord};
use berth_store::{StoreError, Tx};
use chrono::TimeDelta;

use crate::db::{at, id};

pub(crate) fn event(kind: &str, seconds: i64, user: Option<UserId>) -> EventRecord {
    EventRecord {
        id: EventId(id()),
        at: at(seconds),
        kind: kind.to_owned(),
        subject: "alice".to_owned(),
        user,
        actor: "root on the host".to_owned(),
        request: Some("r".to_owned()),
        detail: serde_json::json!({"old": 1}),
    }
}

pub(crate) fn webhook() -> WebhookRecord {
    WebhookRecord {
        id: WebhookId(id()),
        url: "https://a.example/x".parse().unwrap(),
        events: vec!["user.*".parse().unwrap()],
        note: Some("billing".parse().unwrap()),
        created_at: at(0),
        failures: 0,
        rests_until: chrono::DateTime::UNIX_EPOCH,
        waiting: 0,
    }
}

async fn on_its_way(tx: &mut Tx, webhook: WebhookId, seconds: i64) -> (EventRecord, DeliveryId) {
    let event = event("user.create", seconds, None);
    events::insert(tx, &event).await.unwrap();
    let delivery = DeliveryId(id());
    assert!(webhooks::deliver(tx, delivery, webhook, event.id, at(seconds)).await.unwrap());
    (event, delivery)
}

both_engines! {
    async fn events_are_paged_newest_first_and_filtered(db) {
        let mut tx = db.store.begin().await.unwrap();
        let user = UserId(id());
        let kinds = ["user.create", "user.edit", "users.x", "domain.add", "user.edit"];
        let stored: Vec<_> =
            (1..).zip(kinds).map(|(n, kind)| event(kind, n, (n % 2 == 0).then_some(user))).collect();
        for event in &stored {
            events::insert(&mut tx, event).await.unwrap();
        }
        let first = events::page(&mut tx, &EventFilter::default(), None, 3).await.unwrap();
        assert_eq!(first.items, [stored[4].clone(), stored[3].clone(), stored[2].clone()]);
        let next = events::page(&mut tx, &EventFilter::default(), first.next.as_deref(), 3).await.unwrap();
        assert_eq!((next.items, next.next), (vec![stored[1].clone(), stored[0].clone()], None));
        let family = EventFilter { family: Some("user.".to_owned()), ..EventFilter::default() };
        assert_eq!(events::page(&mut tx, &family, None, 9).await.unwrap().items.len(), 3);
        let narrow = EventFilter {
            user: Some(user),
            kind: Some("user.edit".to_owned()),
            since: Some(at(2)),
            until: Some(at(3)),
            subject: Some("alice".to_owned()),
            ..EventFilter::default()
        };
        assert_eq!(events::page(&mut tx, &narrow, None, 9).await.unwrap().items, [stored[1].clone()]);
        let wrong = events::page(&mut tx, &family, Some("1.x"), 9).await;
        assert!(matches!(wrong, Err(StoreError::CursorInvalid)));
        assert_eq!(events::by_id(&mut tx, stored[0].id).await.unwrap(), Some(stored[0].clone()));
    }

    async fn a_delivery_is_taken_by_one_worker_at_a_time(db) {
        let mut tx = db.store.begin().await.unwrap();
        let hook = webhook();
        webhooks::insert(&mut tx, &hook, "sealed").await.unwrap();
        assert_eq!(webhooks::sealed_secret(&mut tx, hook.id).await.unwrap().as_deref(), Some("sealed"));
        let (event, delivery) = on_its_way(&mut tx, hook.id, 5).await;
        let twice = webhooks::deliver(&mut tx, DeliveryId(id()), hook.id, event.id, at(5)).await.unwrap();
        assert!(!twice, "an event goes to a webhook once");
        assert!(!webhooks::is_due(&mut tx, at(4)).await.unwrap());
        assert!(webhooks::is_due(&mut tx, at(5)).await.unwrap());
        let taken = webhooks::claim(&mut tx, at(5), at(100), 9).await.unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!((taken[0].id, taken[0].event, taken[0].attempts), (delivery, event.id, 1));
        assert!(webhooks::claim(&mut tx, at(99), at(200), 9).await.unwrap().is_empty(), "it is taken");
        // The worker died; what it says later no longer counts.
        let again = webhooks::claim(&mut tx, at(100), at(200), 9).await.unwrap();
        assert_eq!(again[0].attempts, 2);
        let late = webhooks::settle(
            &mut tx, &taken[0], DeliveryState::Delivered, at(101), at(101), Some(200), None,
        ).await.unwrap();
        assert!(!late);
        webhooks::settle(
            &mut tx, &again[0], DeliveryState::Waiting, at(150), at(101), Some(500), Some("the receiver answered 500"),
        ).await.unwrap();
        let shown = webhooks::delivery(&mut tx, hook.id, delivery).await.unwrap().unwrap();
        assert_eq!((shown.attempts, shown.status, shown.due_at, shown.kind.as_str()), (2, Some(500), at(150), "user.create"));
        // A webhook that rests is left alone, and the others are not.
        webhooks::rest(&mut tx, hook.id, 3, at(160)).await.unwrap();
        assert!(!webhooks::is_due(&mut tx, at(159)).await.unwrap());
        assert!(webhooks::claim(&mut tx, at(159), at(300), 9).await.unwrap().is_empty());
        let other = webhook();
        webhooks::insert(&mut tx, &other, "sealed").await.unwrap();
        on_its_way(&mut tx, other.id, 120).await;
        assert_eq!(webhooks::claim(&mut tx, at(159), at(300), 9).await.unwrap().len(), 1);
        assert_eq!(webhooks::claim(&mut tx, at(160), at(300), 9).await.unwrap()[0].attempts, 3);
        let known = webhooks::by_id(&mut tx, hook.id).await.unwrap().unwrap();
        assert_eq!((known.failures, known.waiting), (3, 1));
    }

    async fn what_is_dead_can_be_begun_anew(db) {
        let mut tx = db.store.begin().await.unwrap();
        let hook = webhook();
        webhooks::insert(&mut tx, &hook, "sealed").await.unwrap();
        let (_, delivery) = on_its_way(&mut tx, hook.id, 5).await;
        let taken = webhooks::claim(&mut tx, at(5), at(6), 9).await.unwrap();
        webhooks::settle(&mut tx, &taken[0], DeliveryState::Dead, at(7), at(7), None, Some("x")).await.unwrap();
        assert!(!webhooks::is_due(&mut tx, at(900)).await.unwrap());
        let dead = DeliveryFilter { webhook: hook.id, state: Some(DeliveryState::Dead) };
        assert_eq!(webhooks::deliveries(&mut tx, dead, None, 9).await.unwrap().items.len(), 1);
        webhooks::replay(&mut tx, delivery, at(1_000)).await.unwrap();
        let again = webhooks::claim(&mut tx, at(1_000), at(1_001), 9).await.unwrap();
        assert_eq!((again[0].attempts, again[0].since), (1, at(1_000)));
        for second in 10..15 {
            on_its_way(&mut tx, hook.id, second).await;
        }
        let all = DeliveryFilter { webhook: hook.id, state: None };
        let page = webhooks::deliveries(&mut tx, all, None, 4).await.unwrap();
        let rest = webhooks::deliveries(&mut tx, all, page.next.as_deref(), 4).await.unwrap();
        assert_eq!((page.items.len(), rest.items.len(), rest.next), (4, 2, None));
    }

    async fn what_is_old_goes_with_its_deliveries_and_a_webhook_with_its_own(db) {
        let mut tx = db.store.begin().await.unwrap();
        let hook = webhook();
        webhooks::insert(&mut tx, &hook, "sealed").await.unwrap();
        let (old, _) = on_its_way(&mut tx, hook.id, 5).await;
        let (new, _) = on_its_way(&mut tx, hook.id, 500).await;
        assert_eq!(events::forget(&mut tx, at(6) + TimeDelta::days(90)).await.unwrap(), 1);
        assert_eq!(events::by_id(&mut tx, old.id).await.unwrap(), None);
        let all = DeliveryFilter { webhook: hook.id, state: None };
        let left = webhooks::deliveries(&mut tx, all, None, 9).await.unwrap().items;
        assert_eq!(left.iter().map(|delivery| delivery.event).collect::<Vec<_>>(), [new.id]);
        assert!(webhooks::remove(&mut tx, hook.id).await.unwrap());
        assert!(webhooks::deliveries(&mut tx, all, None, 9).await.unwrap().items.is_empty());
        assert!(!webhooks::is_due(&mut tx, at(9_999)).await.unwrap());
        assert!(!webhooks::remove(&mut tx, hook.id).await.unwrap());
    }
}
