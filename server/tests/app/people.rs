//! Links, invitations, impersonation, settings and the mail that goes with them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use berth_core::command::{AcceptInvitation, EditSettings, Impersonate, InviteUser, SetPassword};
use berth_core::mail::{InvitationState, MailState};
use berth_core::mode::Mode;
use berth_core::password::Password;
use berth_core::problem::{Code, Problems};
use berth_core::role::{Actor, Role, UserRef};
use berth_core::settings::Installation;
use berth_core::view::InvitationIssued;
use berth_core::{Fields, Parse};
use berth_server::app::{self, Ctx, SignedIn};
use berth_server::mail::{MailError, Mailer, Message, Relay};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Harness, create_with, done, expect, fields, user};
use crate::sign_in::{PASSWORD, attempt, client, open, person};

/// Keeps what is sent, or refuses it.
#[derive(Default)]
struct Memory {
    sent: Mutex<Vec<Message>>,
    refuse: Mutex<Option<MailError>>,
}

#[async_trait]
impl Mailer for Memory {
    async fn send(&self, _: &Installation, _: Option<&str>, message: &Message) -> Result<(), MailError> {
        if let Some(error) = self.refuse.lock().unwrap().clone() {
            return Err(error);
        }
        self.sent.lock().unwrap().push(message.clone());
        Ok(())
    }
}

async fn with_mail() -> (Harness, Arc<Memory>) {
    let mut harness = Harness::new().await;
    let memory = Arc::new(Memory::default());
    Arc::get_mut(&mut harness.app).unwrap().mailer = memory.clone();
    set(
        &harness,
        json!({ "mail.transport": "smtp", "mail.from": "berth@example.com", "mail.smtp_host": "x" }),
    )
    .await;
    (harness, memory)
}

async fn set(harness: &Harness, settings: Value) {
    let command = EditSettings::parse(fields(settings)).unwrap();
    done(app::edit_settings(&harness.root(), command, Mode::Apply).await);
}

/// The mails that leave now.
async fn mails(harness: &Harness, memory: &Memory) -> Vec<Message> {
    while app::deliver_mails(&harness.app).await.unwrap() > 0 {}
    std::mem::take(&mut memory.sent.lock().unwrap())
}

/// The token in a mail.
fn token(message: &Message, path: &str) -> String {
    let (_, rest) = message.text.split_once(path).expect("a link");
    rest.split_whitespace().next().unwrap().to_owned()
}

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

async fn set_by_link(harness: &Harness, token: &str, text: &str) -> Result<(), Problems> {
    let request = harness.app.request_id();
    app::set_password_by_link(&harness.app, request, &client(), token, &password(text)).await
}

async fn recover(harness: &Harness, name: &str) -> Result<(), Problems> {
    app::request_recovery(&harness.app, harness.app.request_id(), &client(), name).await
}

const NEW: &str = "copper ladder tulip";

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_a_link_that_works_once() {
    let (harness, memory) = with_mail().await;
    person(&harness, "alice", "user").await;
    mails(&harness, &memory).await;
    let signed_in = attempt(&harness, "alice", PASSWORD).await.unwrap();
    recover(&harness, "alice@EXAMPLE.com").await.unwrap();
    recover(&harness, "nobody").await.unwrap();
    let sent = mails(&harness, &memory).await;
    assert_eq!(sent.len(), 1);
    let first = token(&sent[0], "/recover/");
    assert!(!harness.is_stored(&first));
    assert_eq!(app::show_password_link(&harness.app, &first).await.unwrap().name, "alice");
    expect(set_by_link(&harness, &first, "alice").await, Code::PasswordInvalid, Some("password"));
    set_by_link(&harness, &first, NEW).await.unwrap();
    expect(set_by_link(&harness, &first, NEW).await, Code::LinkInvalid, None);
    assert!(open(&harness, &signed_in.token).await.is_none(), "what the old password opened is closed");
    expect(attempt(&harness, "alice", PASSWORD).await, Code::SignInFailed, None);
    attempt(&harness, "alice", NEW).await.unwrap();
    expect(set_by_link(&harness, "", NEW).await, Code::LinkInvalid, None);
}

#[tokio::test]
async fn a_link_dies_by_time_and_by_the_next_one() {
    let (harness, memory) = with_mail().await;
    person(&harness, "alice", "user").await;
    mails(&harness, &memory).await;
    recover(&harness, "alice").await.unwrap();
    let first = token(&mails(&harness, &memory).await[0], "/recover/");
    recover(&harness, "alice").await.unwrap();
    let second = token(&mails(&harness, &memory).await[0], "/recover/");
    expect(set_by_link(&harness, &first, NEW).await, Code::LinkInvalid, None);
    harness.clock.advance(TimeDelta::minutes(61));
    expect(set_by_link(&harness, &second, NEW).await, Code::LinkInvalid, None);
    // Asking is slowed, for names that nobody has as well.
    for name in ["alice", "nobody"] {
        for _ in 0..3 {
            recover(&harness, name).await.unwrap();
        }
        expect(recover(&harness, name).await, Code::TooManyAttempts, None);
    }
}

#[tokio::test]
async fn the_welcome_mail_brings_a_link_or_the_password_itself() {
    let (harness, memory) = with_mail().await;
    let create = async |name: &str| {
        let command = create_with(name, "user", &json!({ "welcome_email": true, "password": PASSWORD }));
        done(app::create_user(&harness.root(), command, Mode::Apply).await);
        mails(&harness, &memory).await.remove(0)
    };
    let welcome = create("alice").await;
    assert!(welcome.text.contains("alice") && !welcome.text.contains(PASSWORD));
    set_by_link(&harness, &token(&welcome, "/set-password/"), NEW).await.unwrap();
    set(&harness, json!({ "welcome.include_password": true })).await;
    let welcome = create("bob").await;
    assert!(welcome.text.contains(PASSWORD) && !welcome.text.contains("/set-password/"));
    assert!(!harness.is_stored(PASSWORD), "in memory only");
}

#[tokio::test]
async fn mail_waits_is_tried_again_and_given_up_for_all_to_see() {
    let mut harness = Harness::new().await;
    let memory = Arc::new(Memory::default());
    Arc::get_mut(&mut harness.app).unwrap().mailer = memory.clone();
    let command = create_with("alice", "user", &json!({ "welcome_email": true }));
    done(app::create_user(&harness.root(), command, Mode::Apply).await);
    let state = async || app::list_mails(&harness.root(), &user("alice")).await.unwrap().remove(0);
    assert_eq!(app::deliver_mails(&harness.app).await.unwrap(), 0);
    let waiting = state().await;
    assert_eq!(waiting.state, MailState::Waiting);
    assert!(waiting.problem.unwrap().contains("not configured"));
    set(
        &harness,
        json!({ "mail.transport": "smtp", "mail.from": "berth@example.com", "mail.smtp_host": "x" }),
    )
    .await;
    let refusal = |permanent| MailError { what: "mailbox full".to_owned(), permanent };
    *memory.refuse.lock().unwrap() = Some(refusal(false));
    assert_eq!(app::deliver_mails(&harness.app).await.unwrap(), 1);
    assert_eq!(app::deliver_mails(&harness.app).await.unwrap(), 0, "not at once");
    assert_eq!(state().await.problem.as_deref(), Some("mailbox full"));
    *memory.refuse.lock().unwrap() = Some(refusal(true));
    harness.clock.advance(TimeDelta::seconds(31));
    assert_eq!(app::deliver_mails(&harness.app).await.unwrap(), 1);
    assert_eq!(state().await.state, MailState::Failed);
    *memory.refuse.lock().unwrap() = None;
    let failed = state().await.id;
    done(app::resend_mail(&harness.root(), &user("alice"), failed, Mode::Apply).await);
    assert_eq!(mails(&harness, &memory).await.len(), 1);
    assert_eq!(state().await.state, MailState::Sent);
}

fn invite(email: &str, role: &str) -> InviteUser {
    InviteUser::parse(fields(json!({ "email": email, "role": role, "language": "de" }))).unwrap()
}

async fn accept(harness: &Harness, token: &str, username: &str) -> Result<(), Problems> {
    let body = json!({
        "display_name": "New Person", "username": username,
        "primary_domain": format!("{username}site.com"), "password": NEW,
    });
    let command = AcceptInvitation::parse(Fields::from_value(body).unwrap(), Role::User).unwrap();
    let request = harness.app.request_id();
    app::accept_invitation(&harness.app, request, &client(), token, command, Mode::Apply).await.map(drop)
}

fn link_token(issued: &InvitationIssued) -> &str {
    issued.link.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn an_invitation_makes_one_user_and_dies_by_resending_revoking_and_time() {
    let (harness, memory) = with_mail().await;
    let root = harness.root();
    let issued = done(app::invite_user(&root, invite("new@example.com", "user"), Mode::Apply).await);
    let sent = mails(&harness, &memory).await;
    assert_eq!(sent[0].to, "new@example.com");
    assert!(sent[0].text.contains("lädt Sie"));
    let first = token(&sent[0], "/invitation/");
    assert_eq!(first, link_token(&issued), "the link to copy is the one in the mail");
    assert!(!harness.is_stored(&first));
    let again = app::invite_user(&root, invite("NEW@example.com", "user"), Mode::Apply).await;
    expect(again, Code::InvitationPending, Some("email"));
    let id = issued.invitation.id;
    let second = done(app::resend_invitation(&root, id, Mode::Apply).await);
    expect(accept(&harness, &first, "newcomer").await, Code::LinkInvalid, None);
    harness.clock.advance(TimeDelta::days(7));
    assert_eq!(app::list_invitations(&root).await.unwrap()[0].state, InvitationState::Expired);
    expect(accept(&harness, link_token(&second), "newcomer").await, Code::LinkInvalid, None);
    let third = done(app::resend_invitation(&root, id, Mode::Apply).await);
    let shown = app::show_invitation(&harness.app, link_token(&third)).await.unwrap();
    assert_eq!(shown.email.as_str(), "new@example.com");
    accept(&harness, link_token(&third), "newcomer").await.unwrap();
    expect(accept(&harness, link_token(&third), "another").await, Code::LinkInvalid, None);
    let created = app::show_user(&root, &user("newcomer")).await.unwrap();
    assert_eq!((created.role, created.email.as_str()), (Role::User, "new@example.com"));
    let domain = "newcomersite.com".parse().unwrap();
    let domain = app::show_domain(&root, &user("newcomer"), &domain).await.unwrap();
    assert_eq!(domain.state, berth_core::domain::DomainState::Pending, "nobody vouched for it");
    attempt(&harness, "newcomer", NEW).await.unwrap();

    let other = done(app::invite_user(&root, invite("other@example.com", "user"), Mode::Apply).await);
    done(app::revoke_invitation(&root, other.invitation.id, Mode::Apply).await);
    expect(accept(&harness, link_token(&other), "another").await, Code::LinkInvalid, None);
    assert!(mails(&harness, &memory).await.iter().all(|mail| mail.to != "other@example.com"));
    expect(
        app::invite_user(&root, invite("new@example.com", "user"), Mode::Apply).await,
        Code::EmailTaken,
        Some("email"),
    );
}

#[tokio::test]
async fn a_reseller_invites_customers_of_their_own_and_sees_no_other() {
    let (harness, _) = with_mail().await;
    harness.create("rosa", "reseller").await;
    let rosa = harness.with_key("rosa", berth_core::policy::Scope::ALL).await;
    expect(
        app::invite_user(&rosa, invite("a@example.com", "admin"), Mode::Apply).await,
        Code::Forbidden,
        Some("role"),
    );
    let foreign = done(app::invite_user(&harness.root(), invite("f@example.com", "user"), Mode::Apply).await);
    expect(
        app::revoke_invitation(&rosa, foreign.invitation.id, Mode::Apply).await,
        Code::InvitationNotFound,
        None,
    );
    let own = done(app::invite_user(&rosa, invite("o@example.com", "user"), Mode::Apply).await);
    let listed = app::list_invitations(&rosa).await.unwrap();
    assert_eq!(listed.iter().map(|i| i.id).collect::<Vec<_>>(), [own.invitation.id]);
    accept(&harness, link_token(&own), "customer").await.unwrap();
    let created = app::show_user(&rosa, &user("customer")).await.unwrap();
    assert_eq!(created.owner, rosa.actor.user());
}

async fn take_place(harness: &Harness, admin: &SignedIn, name: &str) -> Result<Ctx, Problems> {
    let session = open(harness, &admin.token).await.unwrap();
    let ctx = session.ctx(&harness.app, harness.app.request_id()).unwrap();
    let command = Impersonate::parse(fields(json!({ "reason": "a ticket" }))).unwrap();
    app::impersonate(&ctx, &user(name), command, Mode::Apply).await?;
    let session = open(harness, &admin.token).await.unwrap();
    Ok(session.ctx(&harness.app, harness.app.request_id()).unwrap())
}

#[tokio::test]
async fn an_administrator_takes_somebodys_place_for_a_while_and_not_for_everything() {
    let (harness, _) = with_mail().await;
    person(&harness, "boss", "admin").await;
    person(&harness, "alice", "user").await;
    let admin = attempt(&harness, "boss", PASSWORD).await.unwrap();
    expect(take_place(&harness, &admin, "boss").await.map(drop), Code::ImpersonationRefused, None);
    expect(take_place(&harness, &admin, "admin").await.map(drop), Code::ImpersonationRefused, None);
    let own_form = admin.session.csrf_token().to_owned();
    let as_alice = take_place(&harness, &admin, "alice").await.unwrap();
    assert_eq!(as_alice.actor.label(), "boss as alice");
    expect(app::list_nodes(&as_alice).await, Code::Forbidden, None);
    app::list_domains(&as_alice, &user("alice")).await.unwrap();
    let new = SetPassword { password: None };
    expect(app::set_password(&as_alice, &user("alice"), new, Mode::Apply).await, Code::Forbidden, None);
    done(app::edit_user(&as_alice, &user("alice"), edit("Alice B"), Mode::Apply).await);
    assert_eq!(harness.last_audit().await.actor, "boss as alice");
    let session = open(&harness, &admin.token).await.unwrap();
    assert!(!session.is_csrf_token(&own_form), "a form from before does nothing in the other's place");
    assert_eq!(session.in_place_of.as_ref().unwrap().reason, "a ticket");
    app::end_impersonation(&harness.app, harness.app.request_id(), &session).await.unwrap();
    assert_eq!(open(&harness, &admin.token).await.unwrap().actor().unwrap().label(), "boss");

    take_place(&harness, &admin, "alice").await.unwrap();
    let grant = app::list_impersonations(&harness.root(), &user("alice")).await.unwrap()[0].id;
    done(app::revoke_impersonation(&harness.root(), &user("alice"), grant, Mode::Apply).await);
    assert!(open(&harness, &admin.token).await.unwrap().in_place_of.is_none());

    take_place(&harness, &admin, "alice").await.unwrap();
    harness.clock.advance(TimeDelta::minutes(61));
    let session = open(&harness, &admin.token).await.unwrap();
    assert!(session.in_place_of.is_none(), "it has run out");
    expect(take_place(&harness, &admin, "alice").await.map(drop), Code::ConfirmationNeeded, None);
}

fn edit(name: &str) -> berth_core::command::EditUser {
    berth_core::command::EditUser::parse(fields(json!({ "display_name": name }))).unwrap()
}

#[tokio::test]
async fn root_on_the_host_always_lets_an_administrator_in() {
    let (harness, _) = with_mail().await;
    person(&harness, "boss", "admin").await;
    set(&harness, json!({ "security.enforce_2fa_for_admins": true })).await;
    let must = attempt(&harness, "boss", PASSWORD).await.unwrap();
    assert!(must.session.actor().is_none());
    for _ in 0..6 {
        let _ = attempt(&harness, "boss", "wrong wrong wrong").await;
    }
    let admin = harness.with_key("admin", berth_core::policy::Scope::ALL).await;
    expect(app::recover_admin(&admin, &user("boss"), Mode::Apply).await, Code::Forbidden, None);
    let set = done(app::recover_admin(&harness.root(), &user("boss"), Mode::Apply).await);
    attempt(&harness, "boss", &set.password.unwrap()).await.unwrap();
    person(&harness, "alice", "user").await;
    expect(
        app::recover_admin(&harness.root(), &user("alice"), Mode::Apply).await,
        Code::ValueInvalid,
        Some("user"),
    );
}

#[tokio::test]
async fn settings_hold_at_once_and_the_relays_password_is_sealed() {
    let (harness, _) = with_mail().await;
    set(&harness, json!({ "security.password_min_length": 30, "mail.smtp_password": "topsecret relay" }))
        .await;
    assert!(!harness.is_stored("topsecret relay"));
    let shown = app::show_settings(&harness.root()).await.unwrap();
    assert!(shown.smtp_password_set && shown.installation.password_min_length == 30);
    person_refused(&harness).await;
    let bad = EditSettings::parse(fields(json!({
        "security.password_min_length": 3, "mail.transport": "pigeon", "support.url": "javascript:x", "x.y": 1,
    })));
    let named: Vec<_> = bad.unwrap_err().into_iter().map(|problem| problem.field.unwrap()).collect();
    assert_eq!(named, ["security.password_min_length", "support.url", "mail.transport", "x.y"]);
    let none = EditSettings::parse(fields(json!({ "general.default_package": "none" }))).unwrap();
    expect(
        app::edit_settings(&harness.root(), none, Mode::Apply).await,
        Code::PackageNotFound,
        Some("general.default_package"),
    );
    assert_eq!(harness.last_audit().await.action, "settings.edit");
}

async fn person_refused(harness: &Harness) {
    let command = create_with("shorty", "user", &json!({ "password": PASSWORD }));
    expect(
        app::create_user(&harness.root(), command, Mode::Apply).await,
        Code::PasswordInvalid,
        Some("password"),
    );
}

/// A relay that takes one mail, and says what it got.
async fn sink() -> (u16, tokio::task::JoinHandle<String>) {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let got = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 sink\r\n").await.unwrap();
        let (mut got, mut in_data) = (String::new(), false);
        while let Ok(Some(line)) = lines.next_line().await {
            got.push_str(&line);
            got.push('\n');
            let answer: &[u8] = match line.split_whitespace().next().unwrap_or_default() {
                "." if in_data => {
                    in_data = false;
                    b"250 taken\r\n"
                }
                _ if in_data => continue,
                "DATA" => {
                    in_data = true;
                    b"354 go on\r\n"
                }
                "QUIT" => {
                    write.write_all(b"221 bye\r\n").await.unwrap();
                    break;
                }
                _ => b"250 ok\r\n",
            };
            write.write_all(answer).await.unwrap();
        }
        got
    });
    (port, got)
}

#[tokio::test]
async fn mail_reaches_a_relay_and_a_directory() {
    let mut harness = Harness::new().await;
    let directory = harness.dir.path().join("mail");
    Arc::get_mut(&mut harness.app).unwrap().mailer = Arc::new(Relay { directory: directory.clone() });
    let (port, got) = sink().await;
    set(
        &harness,
        json!({
            "mail.transport": "smtp", "mail.from": "berth@example.com", "mail.smtp_host": "127.0.0.1",
            "mail.smtp_port": port, "mail.smtp_tls": "none", "mail.from_name": "Bürth, Inc",
        }),
    )
    .await;
    done(app::invite_user(&harness.root(), invite("new@example.com", "user"), Mode::Apply).await);
    assert_eq!(app::deliver_mails(&harness.app).await.unwrap(), 1);
    let got = tokio::time::timeout(std::time::Duration::from_secs(10), got).await.unwrap().unwrap();
    for expected in [
        "MAIL FROM:<berth@example.com>",
        "RCPT TO:<new@example.com>",
        "Auto-Submitted: auto-generated",
        "text/html",
    ] {
        assert!(got.contains(expected), "{expected} is not in {got}");
    }
    set(&harness, json!({ "mail.transport": "file" })).await;
    done(app::invite_user(&harness.root(), invite("file@example.com", "user"), Mode::Apply).await);
    assert_eq!(app::deliver_mails(&harness.app).await.unwrap(), 1);
    let file = std::fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
    assert!(std::fs::read_to_string(file).unwrap().contains("To: file@example.com"));
}

#[tokio::test]
async fn nobody_else_sees_mails_and_settings() {
    let (harness, _) = with_mail().await;
    person(&harness, "alice", "user").await;
    let alice = attempt(&harness, "alice", PASSWORD).await.unwrap();
    let ctx = alice.session.ctx(&harness.app, harness.app.request_id()).unwrap();
    expect(app::show_settings(&ctx).await, Code::Forbidden, None);
    expect(app::list_invitations(&ctx).await, Code::Forbidden, None);
    expect(app::list_mails(&ctx, &UserRef::parse("admin").unwrap()).await, Code::UserNotFound, None);
    let Actor::Person { .. } = ctx.actor else { panic!() };
}
