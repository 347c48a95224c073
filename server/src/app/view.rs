use berth_core::domain::DomainState;
use berth_core::drift::DriftState;
use berth_core::package::TimerMode;
use berth_core::view::{
    AccountView, ApiKeyView, AuditView, DeliveryView, DomainView, DriftView, EgressRuleView, EventView,
    NodeView, OwnershipView, PackageView, QuarantineView, SshKeyView, TimerRunView, TimerView, UserView,
    WebhookView,
};
use berth_core::webhook::DeliveryState;
use berth_core::{Code, Problem};
use berth_core::{layout, ownership};
use berth_store::accounts::AccountOverview;
use berth_store::api_keys::ApiKeyRecord;
use berth_store::audit::AuditRecord;
use berth_store::domains::DomainRecord;
use berth_store::drift::DriftRecord;
use berth_store::egress_rules::EgressRuleRecord;
use berth_store::events::EventRecord;
use berth_store::nodes::{NodeOverview, QuarantineRecord};
use berth_store::packages::PackageRecord;
use berth_store::proofs::ProofRecord;
use berth_store::ssh_keys::SshKeyRecord;
use berth_store::timers::{RunRecord, TimerRecord};
use berth_store::users::UserRecord;
use berth_store::webhooks::{DeliveryRecord, WebhookRecord};
use chrono::{DateTime, TimeDelta, Utc};

use super::found_keys::is_adoptable;
use super::problem::Failure;

/// A user as answers show them.
pub(super) fn user_view(user: UserRecord, account: Option<AccountOverview>) -> Result<UserView, Failure> {
    Ok(UserView {
        state: user.life.state(),
        suspensions: user.life.suspensions.iter().cloned().collect(),
        deleted_at: user.life.deletion.map(|deletion| deletion.since),
        purge_at: user.life.deletion.and_then(|deletion| deletion.purge_at),
        id: user.id,
        username: user.login,
        email: user.email,
        display_name: user.display_name,
        role: user.role,
        phone: user.phone,
        address: user.address,
        timezone: user.timezone,
        language: user.language,
        owner: user.owner,
        created_at: user.created_at,
        version: user.version,
        account: account.map(account_view).transpose()?,
    })
}

fn account_view(overview: AccountOverview) -> Result<AccountView, Failure> {
    let state = overview.state();
    let AccountOverview { account, membership, package, node, primary_domain, .. } = overview;
    let Some(primary_domain) = primary_domain else {
        tracing::error!(account = %account.id, "the account has no primary domain");
        return Err(Problem::new(Code::Internal, "the account has no primary domain").into());
    };
    Ok(AccountView {
        id: account.id,
        home: layout::home(&account.username),
        username: account.username,
        uid: account.uid,
        gid: account.uid,
        membership,
        node,
        package,
        primary_domain,
        sftp: account.sftp_enabled,
        generation: account.generation,
        observed_generation: account.observed_generation,
        state,
    })
}

/// A package as answers show it.
pub(super) fn package_view(package: PackageRecord, accounts: u64) -> PackageView {
    PackageView {
        id: package.id,
        name: package.name,
        limits: package.limits,
        features: package.features,
        accounts,
        version: package.version,
    }
}

/// A domain as answers show it; `waiting` is the proof that it waits for, if it does.
pub(super) fn domain_view(domain: DomainRecord, waiting: Option<&ProofRecord>) -> DomainView {
    let ownership = waiting.filter(|_| domain.state == DomainState::Pending).map(|waiting| OwnershipView {
        record: ownership::record_name(&domain.fqdn),
        url: format!("http://{}{}", domain.fqdn, ownership::PROOF_PATH),
        value: waiting.token.proof(),
        checked_at: waiting.checked_at,
        next_check_at: waiting.due_at,
        problem: waiting.problem.clone(),
    });
    DomainView {
        id: domain.id,
        fqdn: domain.fqdn,
        aliases: domain.aliases,
        state: domain.state,
        primary: domain.primary,
        docroot: domain.docroot,
        https_redirect: domain.https_redirect,
        hsts: domain.hsts,
        created_at: domain.created_at,
        ownership,
    }
}

/// A key as answers show it.
pub(super) fn ssh_key_view(key: &SshKeyRecord) -> SshKeyView {
    SshKeyView {
        id: key.id,
        fingerprint: key.key.fingerprint().to_owned(),
        comment: key.key.comment().to_owned(),
        key: key.key.authorized_line().to_owned(),
        created_at: key.created_at,
    }
}

/// An egress rule as answers show it.
pub(super) fn egress_rule_view(record: &EgressRuleRecord) -> EgressRuleView {
    EgressRuleView {
        id: record.id,
        rule: record.rule.clone(),
        note: record.note.clone(),
        created_at: record.created_at,
    }
}

/// A timer as answers show it.
pub(super) fn timer_view(
    timer: TimerRecord,
    mode: TimerMode,
    last_run: Option<RunRecord>,
    now: DateTime<Utc>,
) -> TimerView {
    let runs = timer.spec.enabled && mode != TimerMode::Off;
    TimerView {
        id: timer.id,
        next_run: if runs { timer.spec.schedule.next_after(now) } else { None },
        name: timer.spec.name,
        schedule: timer.spec.schedule,
        command: timer.spec.command,
        mail_on_failure: timer.mail_on_failure,
        enabled: timer.spec.enabled,
        timeout_s: timer.spec.timeout_s,
        mode,
        last_run: last_run.map(|run| TimerRunView { output: None, ..timer_run_view(run) }),
        created_at: timer.created_at,
    }
}

/// A run of a timer as answers show it.
pub(super) fn timer_run_view(run: RunRecord) -> TimerRunView {
    TimerRunView {
        started_at: run.started_at,
        ended_at: run.ended_at,
        outcome: run.outcome,
        succeeded: run.outcome.succeeded(),
        truncated: run.truncated,
        output: Some(run.output),
    }
}

/// How long after an agent was heard of its node still counts as online.
const ONLINE: TimeDelta = TimeDelta::minutes(2);

/// A node as answers show it.
pub(super) fn node_view(overview: NodeOverview, now: DateTime<Utc>) -> NodeView {
    let NodeOverview { node, accounts, provisioning, failed } = overview;
    NodeView {
        id: node.id,
        name: node.name,
        online: node.seen_at.is_some_and(|seen| now - seen <= ONLINE),
        seen_at: node.seen_at,
        agent_version: node.agent_version,
        generation: node.generation,
        accounts,
        provisioning,
        failed,
        audit_requested: node.audit_requested,
        audit_done: node.audit_done,
        problems: node.problems,
    }
}

/// Drift as answers show it.
pub(super) fn drift_view(record: DriftRecord, node: &str) -> DriftView {
    let adoptable = is_adoptable(&record) && record.state != DriftState::Adopted;
    let DriftRecord { report, username, state, decided_by, .. } = record;
    DriftView {
        id: report.id,
        node: node.to_owned(),
        username,
        resource: report.resource,
        object: report.object,
        found: report.found,
        made: report.made,
        seen_at: report.seen_at,
        right_at: report.right_at,
        cause: report.cause,
        evidence: report.evidence,
        state,
        decided_by,
        adoptable,
    }
}

/// A quarantine as answers show it.
pub(super) fn quarantine_view(record: QuarantineRecord, node: &str) -> QuarantineView {
    QuarantineView {
        id: record.id,
        username: record.username,
        node: node.to_owned(),
        moved_to: record.moved_to,
        problem: record.problem,
    }
}

/// An API key as answers show it.
pub(super) fn api_key_view(key: ApiKeyRecord) -> ApiKeyView {
    ApiKeyView {
        id: key.id,
        label: key.label,
        user: key.user,
        scopes: key.scopes,
        created_at: key.created_at,
        expires_at: key.expires_at,
        used_at: key.used_at,
        revoked_at: key.revoked_at,
    }
}

/// An event as answers and webhooks show it.
pub(super) fn event_view(event: EventRecord) -> EventView {
    let EventRecord { id, at, kind, subject, user, actor, request, detail } = event;
    EventView { id, at, kind, subject, user, actor, request, detail }
}

/// A webhook as answers show it.
pub(super) fn webhook_view(webhook: WebhookRecord) -> WebhookView {
    WebhookView {
        id: webhook.id,
        url: webhook.url,
        events: webhook.events,
        note: webhook.note,
        created_at: webhook.created_at,
        failures: webhook.failures,
        rests_until: (webhook.rests_until > DateTime::UNIX_EPOCH).then_some(webhook.rests_until),
        waiting: webhook.waiting,
    }
}

/// A delivery as answers show it.
pub(super) fn delivery_view(delivery: DeliveryRecord) -> DeliveryView {
    DeliveryView {
        id: delivery.id,
        webhook: delivery.webhook,
        event: delivery.event,
        kind: delivery.kind,
        state: delivery.state,
        attempts: delivery.attempts,
        created_at: delivery.created_at,
        due_at: (delivery.state == DeliveryState::Waiting).then_some(delivery.due_at),
        tried_at: delivery.tried_at,
        status: delivery.status,
        problem: delivery.problem,
    }
}

/// An entry of the audit log as answers show it.
pub(super) fn audit_view(record: AuditRecord) -> AuditView {
    let AuditRecord { sequence, entry, hash } = record;
    AuditView {
        sequence,
        at: entry.at,
        actor: entry.actor_label,
        action: entry.action,
        subject: entry.subject,
        outcome: entry.outcome,
        request: entry.request,
        detail: entry.detail,
        hash,
    }
}
