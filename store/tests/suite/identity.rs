//! Sessions, second factors, counts of attempts and what else people sign in with.

use berth_core::id::{ImpersonationId, InvitationId, LinkId, MailId, SessionId, UserId};
use berth_core::mail::{InvitationOrigin, LinkKind, MailKind, MailState};
use berth_core::role::Role;
use berth_core::session::{LoginOutcome, SessionState};
use berth_core::user::Language;
use berth_store::impersonations::{self, ImpersonationRecord};
use berth_store::invitations::{self, InvitationRecord};
use berth_store::links::{self, LinkRecord};
use berth_store::login_history::{self, LoginRecord};
use berth_store::mails::{self, MailRecord};
use berth_store::sessions::{self, SessionRecord};
use berth_store::throttles::{self, ThrottleRecord};
use berth_store::{Tx, email_changes, second_factors, users};

use crate::db::{at, id, user};

pub(crate) async fn person(tx: &mut Tx, name: &str) -> UserId {
    let user = user(name);
    users::insert(tx, &user, None).await.unwrap();
    user.id
}

fn session(user: UserId) -> SessionRecord {
    SessionRecord {
        id: SessionId(id()),
        user,
        state: SessionState::Full,
        agent: "Browser".to_owned(),
        address: "192.0.2.1".to_owned(),
        created_at: at(0),
        used_at: at(0),
        confirmed_at: at(0),
        expires_at: at(100),
        impersonation: None,
    }
}

pub(crate) fn invitation(email: &str) -> InvitationRecord {
    InvitationRecord {
        id: InvitationId(id()),
        origin: InvitationOrigin::Registration,
        email: email.parse().unwrap(),
        role: Role::User,
        package: Some("gold".parse().unwrap()),
        language: Language::De,
        owner: None,
        invited_by: "boss".to_owned(),
        generation: 1,
        created_at: at(0),
        expires_at: at(50),
        approved_at: None,
        accepted_at: None,
        revoked_at: None,
        user: None,
    }
}

fn mail(user: Option<UserId>, invitation: Option<InvitationId>) -> MailRecord {
    MailRecord {
        id: MailId(id()),
        kind: MailKind::Welcome,
        user,
        invitation,
        address: "x@y.example".parse().unwrap(),
        language: Language::En,
        detail: serde_json::json!({ "a": 1 }),
        state: MailState::Waiting,
        problem: None,
        created_at: at(0),
        done_at: None,
    }
}

fn link(user: UserId, kind: LinkKind) -> LinkRecord {
    LinkRecord { id: LinkId(id()), kind, user, created_at: at(0), expires_at: at(9) }
}

/// Something in every table of identity, for the tests of backups.
pub(crate) async fn fill(tx: &mut Tx, user: UserId, admin: UserId) {
    let grant = ImpersonationRecord {
        id: ImpersonationId(id()),
        admin,
        user,
        reason: "why".to_owned(),
        created_at: at(1),
        expires_at: at(60),
        ended_at: None,
    };
    impersonations::insert(tx, &grant).await.unwrap();
    let record = session(admin);
    sessions::insert(tx, &record, "hash").await.unwrap();
    sessions::impersonate(tx, record.id, Some(grant.id)).await.unwrap();
    let login = LoginRecord {
        at: at(0),
        outcome: LoginOutcome::Success,
        address: "192.0.2.1".to_owned(),
        agent: "Browser".to_owned(),
    };
    login_history::append(tx, SessionId(id()), user, &login).await.unwrap();
    let throttle = ThrottleRecord { attempts: 2, last_at: at(0), blocked_until: at(9) };
    throttles::put(tx, "x", &throttle).await.unwrap();
    second_factors::begin(tx, user, "sealed").await.unwrap();
    second_factors::replace_codes(tx, user, &["a".to_owned()], at(2)).await.unwrap();
    links::put(tx, &link(user, LinkKind::Recovery), "token").await.unwrap();
    email_changes::put(tx, user, &"new@x.example".parse().unwrap(), at(1), at(2)).await.unwrap();
    let invited = invitation("v@x.example");
    invitations::insert(tx, &invited, "token").await.unwrap();
    mails::insert(tx, &mail(Some(user), Some(invited.id))).await.unwrap();
}

both_engines! {
    async fn a_link_is_taken_once_and_replaced_by_the_next(db) {
        let mut tx = db.store.begin().await.unwrap();
        let alice = person(&mut tx, "alice").await;
        let (first, second) = (link(alice, LinkKind::Recovery), link(alice, LinkKind::Recovery));
        links::put(&mut tx, &first, "1").await.unwrap();
        links::put(&mut tx, &second, "2").await.unwrap();
        links::put(&mut tx, &link(alice, LinkKind::EmailOld), "3").await.unwrap();
        assert_eq!(links::by_token(&mut tx, "1").await.unwrap(), None);
        assert_eq!(links::by_token(&mut tx, "2").await.unwrap(), Some(second.clone()));
        assert_eq!(links::take(&mut tx, "2").await.unwrap(), Some(second));
        assert_eq!(links::take(&mut tx, "2").await.unwrap(), None);
        assert_eq!(links::expire(&mut tx, at(10)).await.unwrap(), 1);
        assert_eq!(links::delete_of(&mut tx, alice).await.unwrap(), 0);
    }

    async fn a_change_of_address_needs_both(db) {
        let mut tx = db.store.begin().await.unwrap();
        let alice = person(&mut tx, "alice").await;
        let new = "new@x.example".parse().unwrap();
        email_changes::put(&mut tx, alice, &new, at(0), at(9)).await.unwrap();
        email_changes::confirm(&mut tx, alice, true, at(1)).await.unwrap();
        let half = email_changes::get(&mut tx, alice).await.unwrap().unwrap();
        assert_eq!((half.new_confirmed_at, half.old_confirmed_at), (Some(at(1)), None));
        email_changes::put(&mut tx, alice, &new, at(2), at(9)).await.unwrap();
        let again = email_changes::get(&mut tx, alice).await.unwrap().unwrap();
        assert_eq!(again.new_confirmed_at, None, "a new change begins anew");
        assert!(email_changes::delete(&mut tx, alice).await.unwrap());
        assert_eq!(email_changes::expire(&mut tx, at(99)).await.unwrap(), 0);
    }

    async fn an_invitation_is_open_until_it_is_accepted_or_revoked(db) {
        let mut tx = db.store.begin().await.unwrap();
        let alice = person(&mut tx, "alice").await;
        let mut invited = invitation("a@x.example");
        invitations::insert(&mut tx, &invited, "1").await.unwrap();
        assert_eq!(invitations::by_token(&mut tx, "1").await.unwrap(), Some(invited.clone()));
        invited.generation = 2;
        invited.approved_at = Some(at(3));
        assert!(invitations::renew(&mut tx, &invited, "2").await.unwrap());
        assert_eq!(invitations::by_token(&mut tx, "1").await.unwrap(), None);
        let pending = invitations::pending_of(&mut tx, &"A@x.example".parse().unwrap()).await.unwrap();
        assert_eq!(pending.as_ref(), Some(&invited));
        assert!(invitations::accept(&mut tx, invited.id, alice, at(4)).await.unwrap());
        assert!(!invitations::accept(&mut tx, invited.id, alice, at(4)).await.unwrap());
        assert!(!invitations::revoke(&mut tx, invited.id, at(4)).await.unwrap());
        assert!(!invitations::renew(&mut tx, &invited, "3").await.unwrap());
        let other = InvitationRecord { owner: Some(alice), ..invitation("a@x.example") };
        invitations::insert(&mut tx, &other, "4").await.unwrap();
        assert_eq!(invitations::list(&mut tx, None, 9).await.unwrap().len(), 2);
        assert_eq!(invitations::list(&mut tx, Some(alice), 9).await.unwrap(), std::slice::from_ref(&other));
        assert!(invitations::revoke(&mut tx, other.id, at(5)).await.unwrap());
        let revoked = invitations::by_id(&mut tx, other.id).await.unwrap().unwrap();
        assert_eq!(revoked.revoked_at, Some(at(5)));
    }

    async fn a_mail_remembers_what_became_of_it(db) {
        let mut tx = db.store.begin().await.unwrap();
        let alice = person(&mut tx, "alice").await;
        let record = mail(Some(alice), None);
        mails::insert(&mut tx, &record).await.unwrap();
        assert_eq!(mails::by_id(&mut tx, record.id).await.unwrap(), Some(record.clone()));
        assert_eq!(mails::expire(&mut tx, at(1)).await.unwrap(), 0, "what waits is kept");
        mails::set_state(&mut tx, record.id, MailState::Failed, Some("no"), Some(at(2))).await.unwrap();
        let failed = mails::of_user(&mut tx, alice, 9).await.unwrap().remove(0);
        assert_eq!((failed.state, failed.problem.as_deref()), (MailState::Failed, Some("no")));
        assert_eq!(mails::of_invitation(&mut tx, InvitationId(id())).await.unwrap(), None);
        assert_eq!(mails::expire(&mut tx, at(1)).await.unwrap(), 1);
    }

    async fn a_session_is_found_by_its_token_with_everybody_it_stands_for(db) {
        let mut tx = db.store.begin().await.unwrap();
        let (admin, alice) = (person(&mut tx, "boss").await, person(&mut tx, "alice").await);
        users::set_role(&mut tx, admin, Role::Admin).await.unwrap();
        let record = session(admin);
        sessions::insert(&mut tx, &record, "hash").await.unwrap();
        let open = sessions::by_token(&mut tx, "hash").await.unwrap().unwrap();
        assert_eq!((&open.session, open.user.name.as_str(), open.user.role), (&record, "boss", Role::Admin));
        assert!(open.in_place_of.is_none());
        let grant = ImpersonationRecord {
            id: ImpersonationId(id()), admin, user: alice, reason: "why".into(), created_at: at(1),
            expires_at: at(60), ended_at: None,
        };
        impersonations::insert(&mut tx, &grant).await.unwrap();
        sessions::impersonate(&mut tx, record.id, Some(grant.id)).await.unwrap();
        let (other, reason, until) =
            sessions::by_token(&mut tx, "hash").await.unwrap().unwrap().in_place_of.unwrap();
        assert_eq!((other.id, other.name.as_str(), reason.as_str(), until), (alice, "alice", "why", at(60)));
        assert!(impersonations::end(&mut tx, grant.id, at(2)).await.unwrap());
        assert!(!impersonations::end(&mut tx, grant.id, at(3)).await.unwrap());
        assert!(sessions::by_token(&mut tx, "hash").await.unwrap().unwrap().in_place_of.is_none());
        let ended = ImpersonationRecord { ended_at: Some(at(2)), ..grant };
        assert_eq!(impersonations::of_user(&mut tx, alice, 9).await.unwrap(), [ended]);
        assert!(sessions::by_token(&mut tx, "other").await.unwrap().is_none());
    }

    async fn sessions_change_and_end(db) {
        let mut tx = db.store.begin().await.unwrap();
        let alice = person(&mut tx, "alice").await;
        let all: Vec<_> = (0..4).map(|_| session(alice)).collect();
        for (index, record) in all.iter().enumerate() {
            sessions::insert(&mut tx, record, &format!("hash{index}")).await.unwrap();
        }
        sessions::used(&mut tx, all[0].id, at(5), "192.0.2.9").await.unwrap();
        sessions::used(&mut tx, all[0].id, at(4), "192.0.2.8").await.unwrap();
        let used = sessions::by_id(&mut tx, all[0].id).await.unwrap().unwrap();
        assert_eq!((used.used_at, used.address.as_str()), (at(5), "192.0.2.9"));
        let state = SessionState::NeedsSecondFactor;
        sessions::set_state(&mut tx, all[0].id, state, "new", at(6), at(9)).await.unwrap();
        assert!(sessions::by_token(&mut tx, "hash0").await.unwrap().is_none());
        let changed = sessions::by_token(&mut tx, "new").await.unwrap().unwrap().session;
        assert_eq!((changed.state, changed.expires_at), (state, at(9)));
        assert_eq!(sessions::trim(&mut tx, alice, 3).await.unwrap(), 1, "the oldest goes");
        assert!(sessions::by_id(&mut tx, all[0].id).await.unwrap().is_none());
        assert_eq!(sessions::delete_of(&mut tx, alice, Some(all[3].id)).await.unwrap(), 2);
        assert_eq!(sessions::of_user(&mut tx, alice).await.unwrap().len(), 1);
        assert_eq!(sessions::expire(&mut tx, at(101)).await.unwrap(), 1);
    }

    async fn a_step_and_a_recovery_code_are_used_once(db) {
        let mut tx = db.store.begin().await.unwrap();
        let alice = person(&mut tx, "alice").await;
        assert!(!second_factors::get(&mut tx, alice).await.unwrap().is_on());
        assert!(!second_factors::confirm(&mut tx, alice, at(1), 7).await.unwrap(), "nothing has begun");
        second_factors::begin(&mut tx, alice, "sealed").await.unwrap();
        assert!(!second_factors::use_step(&mut tx, alice, 8).await.unwrap(), "not confirmed");
        assert!(second_factors::confirm(&mut tx, alice, at(1), 7).await.unwrap());
        assert!(!second_factors::use_step(&mut tx, alice, 7).await.unwrap());
        assert!(second_factors::use_step(&mut tx, alice, 9).await.unwrap());
        assert!(!second_factors::use_step(&mut tx, alice, 8).await.unwrap(), "an earlier one either");
        let codes = ["a".to_owned(), "b".to_owned()];
        second_factors::replace_codes(&mut tx, alice, &codes, at(2)).await.unwrap();
        assert!(second_factors::use_code(&mut tx, alice, "a").await.unwrap());
        assert!(!second_factors::use_code(&mut tx, alice, "a").await.unwrap());
        assert_eq!(second_factors::count_codes(&mut tx, alice).await.unwrap(), 1);
        second_factors::require(&mut tx, alice, Some(at(3))).await.unwrap();
        second_factors::clear(&mut tx, alice).await.unwrap();
        let cleared = second_factors::get(&mut tx, alice).await.unwrap();
        assert_eq!((cleared.is_on(), cleared.required_at), (false, Some(at(3))));
        assert_eq!(second_factors::count_codes(&mut tx, alice).await.unwrap(), 0);
    }

    async fn attempts_are_counted_forgiven_and_forgotten(db) {
        let mut tx = db.store.begin().await.unwrap();
        let alice = person(&mut tx, "alice").await;
        let throttle = ThrottleRecord { attempts: 2, last_at: at(0), blocked_until: at(9) };
        throttles::put(&mut tx, "x", &throttle).await.unwrap();
        throttles::put(&mut tx, "x", &throttle).await.unwrap();
        assert_eq!(throttles::get(&mut tx, "x").await.unwrap(), Some(throttle));
        throttles::forgive(&mut tx, "x").await.unwrap();
        assert_eq!(throttles::get(&mut tx, "x").await.unwrap().unwrap().attempts, 1);
        assert_eq!(throttles::expire(&mut tx, at(1)).await.unwrap(), 1);
        let login = LoginRecord {
            at: at(0), outcome: LoginOutcome::MayNot, address: "192.0.2.1".into(), agent: String::new(),
        };
        login_history::append(&mut tx, SessionId(id()), alice, &login).await.unwrap();
        assert_eq!(login_history::of_user(&mut tx, alice, 9).await.unwrap(), [login]);
        assert_eq!(login_history::expire(&mut tx, at(1)).await.unwrap(), 1);
    }
}
