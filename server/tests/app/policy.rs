//! Every verb × every kind of caller × own, managed and foreign users, against the policy's table.

use berth_core::command::{
    AddDomain, AddEgressRule, AddSshKey, AddTimer, AddWebhook, CreateApiKey, CreatePackage, EditDomain,
    EditPackage, EditSettings, EditTimer, EditUser, InviteUser, ListUsers, SetPackage, SetPassword,
};
use berth_core::id::{
    ApiKeyId, DeliveryId, DriftId, EgressRuleId, MailId, QuarantineId, SessionId, UserId, WebhookId,
};
use berth_core::log::LogKind;
use berth_core::mode::Mode;
use berth_core::policy::{Action, Decision, Relation, Scope, decide};
use berth_core::problem::{Code, Problems};
use berth_core::role::{Actor, Role, UserRef};
use berth_server::app::{self, Ctx, ListAudit, ListDeliveries, ListDrift, ListEvents, ReadLog, Wait};
use serde_json::json;

use crate::harness::{Harness, NODE, create, done, fields, user};

/// Something that a caller may try.
#[derive(Debug, Clone, Copy)]
enum Verb {
    CreateUser,
    ShowUser,
    ListUsers,
    EditUser,
    SetPassword,
    SetRole,
    SetPackage,
    SetSftp,
    ListSessions,
    ListLogins,
    RevokeSession,
    RevokeSessions,
    ShowSecondFactor,
    ListMails,
    ResendMail,
    InviteUser,
    ListInvitations,
    ShowSettings,
    EditSettings,
    ResetSecondFactor,
    RequireSecondFactor,
    Conditions,
    ListDomains,
    AddDomain,
    EditDomain,
    RemoveDomain,
    ShowDomain,
    VerifyDomain,
    ApproveDomain,
    ReadLog,
    ListSshKeys,
    AddSshKey,
    RemoveSshKey,
    ShowEgress,
    AddEgressRule,
    RemoveEgressRule,
    ListTimers,
    ShowTimer,
    ListTimerRuns,
    AddTimer,
    EditTimer,
    RemoveTimer,
    RunTimer,
    ListPackages,
    ShowPackage,
    CreatePackage,
    EditPackage,
    DeletePackage,
    ListNodes,
    ShowNode,
    AuditNode,
    QuarantineHome,
    ShowQuarantine,
    ListDrift,
    ShowDrift,
    AdoptDrift,
    RevertDrift,
    ListApiKeys,
    CreateApiKey,
    RevokeApiKey,
    ListEvents,
    ListWebhooks,
    ShowWebhook,
    AddWebhook,
    RemoveWebhook,
    TestWebhook,
    ListDeliveries,
    ShowDelivery,
    ReplayDelivery,
    ListAudit,
    VerifyAudit,
}

use Verb as V;

/// Verbs on a user, with the action that the policy is asked about.
const ON_USERS: &[(Verb, Action)] = &[
    (V::ShowUser, Action::UserRead),
    (V::EditUser, Action::UserEdit),
    (V::SetPassword, Action::UserSetPassword),
    (V::SetRole, Action::UserSetRole),
    (V::SetPackage, Action::UserSetPackage),
    (V::SetSftp, Action::SftpSet),
    (V::ListSessions, Action::SessionRead),
    (V::ListLogins, Action::SessionRead),
    (V::RevokeSession, Action::SessionRevoke),
    (V::RevokeSessions, Action::SessionRevoke),
    (V::ShowSecondFactor, Action::SessionRead),
    (V::ListMails, Action::MailRead),
    (V::ResendMail, Action::MailResend),
    (V::ResetSecondFactor, Action::SecondFactorReset),
    (V::RequireSecondFactor, Action::SecondFactorRequire),
    (V::Conditions, Action::UserRead),
    (V::ListDomains, Action::DomainRead),
    (V::AddDomain, Action::DomainAdd),
    (V::EditDomain, Action::DomainEdit),
    (V::RemoveDomain, Action::DomainRemove),
    (V::ShowDomain, Action::DomainRead),
    (V::VerifyDomain, Action::DomainVerify),
    (V::ApproveDomain, Action::DomainApprove),
    (V::ReadLog, Action::LogRead),
    (V::ListSshKeys, Action::SshKeyRead),
    (V::AddSshKey, Action::SshKeyAdd),
    (V::RemoveSshKey, Action::SshKeyRemove),
    (V::ShowEgress, Action::EgressRead),
    (V::AddEgressRule, Action::EgressRuleAdd),
    (V::RemoveEgressRule, Action::EgressRuleRemove),
    (V::ListTimers, Action::TimerRead),
    (V::ShowTimer, Action::TimerRead),
    (V::ListTimerRuns, Action::TimerRead),
    (V::AddTimer, Action::TimerAdd),
    (V::EditTimer, Action::TimerEdit),
    (V::RemoveTimer, Action::TimerRemove),
    (V::RunTimer, Action::TimerRun),
    (V::ListApiKeys, Action::ApiKeyRead),
    (V::CreateApiKey, Action::ApiKeyCreate),
    (V::RevokeApiKey, Action::ApiKeyRevoke),
];

/// Verbs on the installation.
const ON_INSTALLATION: &[(Verb, Action)] = &[
    (V::CreateUser, Action::UserCreate),
    (V::ListUsers, Action::UserList),
    (V::InviteUser, Action::UserInvite),
    (V::ListInvitations, Action::InvitationRead),
    (V::ShowSettings, Action::SettingsRead),
    (V::EditSettings, Action::SettingsEdit),
    (V::ListPackages, Action::PackageRead),
    (V::ShowPackage, Action::PackageRead),
    (V::CreatePackage, Action::PackageCreate),
    (V::EditPackage, Action::PackageEdit),
    (V::DeletePackage, Action::PackageDelete),
    (V::ListNodes, Action::NodeRead),
    (V::ShowNode, Action::NodeRead),
    (V::AuditNode, Action::NodeAudit),
    (V::QuarantineHome, Action::HomeQuarantine),
    (V::ShowQuarantine, Action::NodeRead),
    (V::ListDrift, Action::DriftRead),
    (V::ShowDrift, Action::DriftRead),
    (V::AdoptDrift, Action::DriftAdopt),
    (V::RevertDrift, Action::DriftRevert),
    (V::ListEvents, Action::EventRead),
    (V::ListWebhooks, Action::WebhookRead),
    (V::ShowWebhook, Action::WebhookRead),
    (V::AddWebhook, Action::WebhookAdd),
    (V::RemoveWebhook, Action::WebhookRemove),
    (V::TestWebhook, Action::WebhookTest),
    (V::ListDeliveries, Action::WebhookRead),
    (V::ShowDelivery, Action::WebhookRead),
    (V::ReplayDelivery, Action::WebhookReplay),
    (V::ListAudit, Action::AuditRead),
    (V::VerifyAudit, Action::AuditRead),
];

/// A user with something of each kind.
struct Target {
    id: UserId,
    domain: String,
    key: ApiKeyId,
}

async fn run(verb: Verb, ctx: &Ctx, target: &Target, dry: Mode) -> Result<(), Problems> {
    let who = UserRef::Id(target.id);
    let domain = target.domain.parse().unwrap();
    let timer = "backup".parse().unwrap();
    match verb {
        V::CreateUser => app::create_user(ctx, create("newcomer", "user"), dry).await.map(drop),
        V::ShowUser => app::show_user(ctx, &who).await.map(drop),
        V::ListUsers => app::list_users(ctx, ListUsers::default()).await.map(drop),
        V::EditUser => app::edit_user(ctx, &who, EditUser::default(), dry).await.map(drop),
        V::SetPassword => app::set_password(ctx, &who, SetPassword { password: None }, dry).await.map(drop),
        V::SetRole => app::set_role(ctx, &who, Role::User, dry).await.map(drop),
        V::SetPackage => {
            let command = SetPackage::parse(fields(json!({"package": "unlimited"}))).unwrap();
            app::set_package(ctx, &who, command, dry).await.map(drop)
        }
        V::SetSftp => app::set_sftp(ctx, &who, false, dry).await.map(drop),
        V::ListSessions => app::list_sessions(ctx, &who).await.map(drop),
        V::ListLogins => app::list_logins(ctx, &who).await.map(drop),
        V::RevokeSession => app::revoke_session(ctx, &who, SessionId(target.id.0), dry).await.map(drop),
        V::RevokeSessions => app::revoke_sessions(ctx, &who, dry).await.map(drop),
        V::ListMails => app::list_mails(ctx, &who).await.map(drop),
        V::ResendMail => app::resend_mail(ctx, &who, MailId(target.id.0), dry).await.map(drop),
        V::InviteUser => {
            let body = json!({"email": "invited@example.com", "role": "user"});
            app::invite_user(ctx, InviteUser::parse(fields(body)).unwrap(), dry).await.map(drop)
        }
        V::ListInvitations => app::list_invitations(ctx).await.map(drop),
        V::ShowSettings => app::show_settings(ctx).await.map(drop),
        V::EditSettings => app::edit_settings(ctx, EditSettings::default(), dry).await.map(drop),
        V::ShowSecondFactor => app::show_second_factor(ctx, &who).await.map(drop),
        V::ResetSecondFactor => app::reset_second_factor(ctx, &who, dry).await.map(drop),
        V::RequireSecondFactor => app::require_second_factor(ctx, &who, true, dry).await.map(drop),
        V::Conditions => app::conditions(ctx, &who, Wait::default()).await.map(drop),
        V::ListDomains => app::list_domains(ctx, &who).await.map(drop),
        V::AddDomain => {
            let command = AddDomain::parse(fields(json!({"domain": "another.com"}))).unwrap();
            app::add_domain(ctx, &who, command, dry).await.map(drop)
        }
        V::EditDomain => app::edit_domain(ctx, &who, &domain, EditDomain::default(), dry).await.map(drop),
        V::RemoveDomain => app::remove_domain(ctx, &who, &domain, dry).await.map(drop),
        V::ShowDomain => app::show_domain(ctx, &who, &domain).await.map(drop),
        V::VerifyDomain => app::verify_domain(ctx, &who, &domain, dry).await.map(drop),
        V::ApproveDomain => app::approve_domain(ctx, &who, &domain, dry).await.map(drop),
        // A site that is not there, so that no node has to be asked.
        V::ReadLog => {
            let none = "none.com".parse().unwrap();
            app::read_log(ctx, &who, &none, LogKind::Php, ReadLog::default()).await.map(drop)
        }
        V::ListSshKeys => app::list_ssh_keys(ctx, &who).await.map(drop),
        V::AddSshKey => {
            let command = AddSshKey::parse(fields(json!({"key": crate::harness::ED25519}))).unwrap();
            app::add_ssh_key(ctx, &who, command, dry).await.map(drop)
        }
        V::RemoveSshKey => app::remove_ssh_key(ctx, &who, "SHA256:none", dry).await.map(drop),
        V::ShowEgress => app::show_egress(ctx, &who).await.map(drop),
        V::AddEgressRule => {
            let command =
                AddEgressRule::parse(fields(json!({"network": "192.0.2.7", "port": "25"}))).unwrap();
            app::add_egress_rule(ctx, &who, command, dry).await.map(drop)
        }
        V::RemoveEgressRule => {
            let none = EgressRuleId(uuid::Uuid::nil());
            app::remove_egress_rule(ctx, &who, none, dry).await.map(drop)
        }
        V::ListTimers => app::list_timers(ctx, &who).await.map(drop),
        V::ShowTimer => app::show_timer(ctx, &who, &timer).await.map(drop),
        V::ListTimerRuns => app::list_timer_runs(ctx, &who, &timer).await.map(drop),
        V::AddTimer => {
            let body = json!({"name": "a", "schedule": "@daily", "command": "true"});
            let command = AddTimer::parse(fields(body)).unwrap();
            app::add_timer(ctx, &who, command, dry).await.map(drop)
        }
        V::EditTimer => app::edit_timer(ctx, &who, &timer, EditTimer::default(), dry).await.map(drop),
        V::RemoveTimer => app::remove_timer(ctx, &who, &timer, dry).await.map(drop),
        V::RunTimer => app::run_timer(ctx, &who, &timer, dry).await.map(drop),
        V::ListPackages => app::list_packages(ctx).await.map(drop),
        V::ShowPackage => app::show_package(ctx, &"standard".parse().unwrap()).await.map(drop),
        V::CreatePackage => {
            let command = CreatePackage::parse(fields(json!({"name": "gold"}))).unwrap();
            app::create_package(ctx, command, dry).await.map(drop)
        }
        V::EditPackage => {
            app::edit_package(ctx, &"standard".parse().unwrap(), EditPackage::default(), dry).await.map(drop)
        }
        V::DeletePackage => app::delete_package(ctx, &"unlimited".parse().unwrap(), dry).await.map(drop),
        V::ListNodes => app::list_nodes(ctx).await.map(drop),
        V::ShowNode => app::show_node(ctx, crate::harness::NODE).await.map(drop),
        V::AuditNode => app::audit_node(ctx, crate::harness::NODE, dry).await.map(drop),
        V::QuarantineHome => {
            let name = "leftover".parse().unwrap();
            app::quarantine_home(ctx, crate::harness::NODE, name, dry).await.map(drop)
        }
        V::ShowQuarantine => {
            let none = QuarantineId(uuid::Uuid::nil());
            app::show_quarantine(ctx, crate::harness::NODE, none).await.map(drop)
        }
        V::ListDrift => {
            app::list_drift(ctx, NODE, ListDrift::parse(fields(json!({}))).unwrap()).await.map(drop)
        }
        V::ShowDrift => app::show_drift(ctx, NODE, DriftId(target.id.0)).await.map(drop),
        V::AdoptDrift => app::adopt_drift(ctx, NODE, DriftId(target.id.0), dry).await.map(drop),
        V::RevertDrift => app::revert_drift(ctx, NODE, DriftId(target.id.0), dry).await.map(drop),
        V::ListApiKeys => app::list_api_keys(ctx, Some(&who)).await.map(drop),
        V::CreateApiKey => {
            let body = json!({"label": "x", "scopes": ["read"], "user": target.id.to_string()});
            app::create_api_key(ctx, CreateApiKey::parse(fields(body)).unwrap(), dry).await.map(drop)
        }
        V::RevokeApiKey => app::revoke_api_key(ctx, target.key, dry).await.map(drop),
        V::ListEvents => app::list_events(ctx, ListEvents::default()).await.map(drop),
        V::ListWebhooks => app::list_webhooks(ctx).await.map(drop),
        V::ShowWebhook => app::show_webhook(ctx, WebhookId(target.id.0)).await.map(drop),
        V::AddWebhook => {
            let command = AddWebhook::parse(fields(json!({"url": "https://a.example/"}))).unwrap();
            app::add_webhook(ctx, command, dry).await.map(drop)
        }
        V::RemoveWebhook => app::remove_webhook(ctx, WebhookId(target.id.0), dry).await.map(drop),
        V::TestWebhook => app::test_webhook(ctx, WebhookId(target.id.0), dry).await.map(drop),
        V::ListDeliveries => {
            app::list_deliveries(ctx, WebhookId(target.id.0), ListDeliveries::default()).await.map(drop)
        }
        V::ShowDelivery => {
            app::show_delivery(ctx, WebhookId(target.id.0), DeliveryId(target.id.0)).await.map(drop)
        }
        V::ReplayDelivery => {
            app::replay_delivery(ctx, WebhookId(target.id.0), DeliveryId(target.id.0), dry).await.map(drop)
        }
        V::ListAudit => app::list_audit(ctx, ListAudit::default()).await.map(drop),
        V::VerifyAudit => app::verify_audit(ctx).await.map(drop),
    }
}

fn is_refusal(code: Code) -> bool {
    matches!(code, Code::Unauthenticated | Code::Forbidden)
}

async fn target(harness: &Harness, name: &str) -> Target {
    let shown = app::show_user(&harness.root(), &user(name)).await.unwrap();
    let ctx = harness.with_key(name, &[Scope::Read]).await;
    let Actor::ApiKey { key, .. } = ctx.actor else { panic!("not a key") };
    let domain = shown.account.map_or("none.com".to_owned(), |account| account.primary_domain.to_string());
    Target { id: shown.id, domain, key }
}

#[tokio::test]
async fn every_verb_answers_as_the_policy_says_and_every_refusal_is_in_the_log() {
    let harness = Harness::new().await;
    harness.create("rosa", "reseller").await;
    harness.create("alice", "user").await;
    harness.create("stranger", "user").await;
    let rosa = harness.with_key("rosa", Scope::ALL).await;
    done(app::create_user(&rosa, create("managed", "user"), Mode::Apply).await);

    let mut actors = vec![
        harness.root(),
        harness.ctx(Actor::System),
        harness.ctx(Actor::LocalUser { uid: 1000 }),
        harness.ctx(Actor::Anonymous { from: "192.0.2.1".to_owned() }),
    ];
    for name in ["admin", "rosa", "alice"] {
        actors.push(harness.with_key(name, Scope::ALL).await);
        actors.push(harness.with_key(name, &[Scope::Read]).await);
        actors.push(harness.with_key(name, &[Scope::Domains, Scope::Keys]).await);
    }
    let targets = [
        target(&harness, "admin").await,
        target(&harness, "rosa").await,
        target(&harness, "alice").await,
        target(&harness, "managed").await,
        target(&harness, "stranger").await,
    ];
    let managed = targets[3].id;
    let rosa_id = targets[1].id;

    let mut tried = 0;
    for ctx in &actors {
        for target in &targets {
            let relation = match ctx.actor.user() {
                Some(me) if me == target.id => Relation::Own,
                Some(me) if me == rosa_id && target.id == managed => Relation::Managed,
                _ => Relation::Foreign,
            };
            for (verb, action) in ON_USERS {
                let hidden =
                    if matches!(verb, V::RevokeApiKey) { Code::ApiKeyNotFound } else { Code::UserNotFound };
                check(&harness, ctx, *verb, target, decide(&ctx.actor, *action, relation), hidden).await;
                tried += 1;
            }
        }
        for (verb, action) in ON_INSTALLATION {
            let decision = decide(&ctx.actor, *action, Relation::Installation);
            check(&harness, ctx, *verb, &targets[2], decision, Code::NotFound).await;
            tried += 1;
        }
    }
    assert_eq!(tried, actors.len() * (targets.len() * ON_USERS.len() + ON_INSTALLATION.len()));
    assert!(app::verify_audit(&harness.root()).await.unwrap().broken_at.is_none());
}

async fn check(harness: &Harness, ctx: &Ctx, verb: Verb, target: &Target, decision: Decision, hidden: Code) {
    // Strangers' refusals are rationed; time gives the ration back.
    harness.clock.advance(chrono::TimeDelta::seconds(2));
    let what = format!("{verb:?} by {} on {}", ctx.actor.label(), target.domain);
    let before = harness.last_audit().await.sequence;
    let answer = run(verb, ctx, target, Mode::CheckOnly).await;
    let codes: Vec<Code> =
        answer.as_ref().err().map(|p| p.iter().map(|p| p.code).collect()).unwrap_or_default();
    let last = harness.last_audit().await;
    match decision {
        Decision::Allow => {
            assert!(!codes.iter().copied().any(is_refusal), "{what}: {answer:?}");
            assert!(!codes.contains(&Code::UserNotFound), "{what}: {answer:?}");
            assert_eq!(last.sequence, before, "{what}: a look must leave no entry");
            return;
        }
        Decision::Forbid => assert_eq!(codes, [Code::Forbidden], "{what}"),
        Decision::Authenticate => assert_eq!(codes, [Code::Unauthenticated], "{what}"),
        Decision::Hide => assert_eq!(codes, [hidden], "{what}"),
    }
    assert_eq!(last.sequence, before + 1, "{what}: a refusal must leave an entry");
    assert_eq!(last.outcome, berth_core::audit::AuditOutcome::Refused, "{what}");
    assert_eq!(last.actor, ctx.actor.label(), "{what}");
}

#[tokio::test]
async fn a_foreign_user_and_no_user_look_the_same() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    harness.create("stranger", "user").await;
    let alice = harness.with_key("alice", Scope::ALL).await;
    let foreign = app::show_user(&alice, &user("stranger")).await.unwrap_err();
    let none = app::show_user(&alice, &user("nobody_here")).await.unwrap_err();
    let text = |problems: Problems| problems.to_string().replace("stranger", "X").replace("nobody_here", "X");
    assert_eq!(text(foreign), text(none));
}

#[tokio::test]
async fn strangers_cant_flood_the_log() {
    let harness = Harness::new().await;
    let anonymous = harness.ctx(Actor::Anonymous { from: "192.0.2.1".to_owned() });
    let before = harness.audit().await.len();
    for _ in 0..100 {
        assert!(app::list_users(&anonymous, ListUsers::default()).await.is_err());
    }
    assert_eq!(harness.audit().await.len() - before, 60);
}

#[tokio::test]
async fn no_dry_run_of_any_verb_changes_anything() {
    let harness = Harness::new().await;
    harness.create("alice", "user").await;
    let alice = target(&harness, "alice").await;
    for mode in [Mode::Plan, Mode::CheckOnly, Mode::CheckAll] {
        for (verb, _) in ON_USERS.iter().chain(ON_INSTALLATION) {
            let before = harness.bytes();
            // Some are refused here, such as removing the primary domain; that must leave no trace either.
            let _ = run(*verb, &harness.root(), &alice, mode).await;
            assert!(harness.bytes() == before, "{verb:?} in {mode:?} has written to the database");
        }
    }
}
