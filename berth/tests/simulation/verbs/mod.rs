//! What can be asked for: one entry for every action of the policy that changes something.
//!
//! Whoever adds a verb adds an entry here; a test fails otherwise. An entry makes a command that fits the
//! world as it is, gives it to the real verb, and says what it changes ([`Order::apply`]) as soon as the audit
//! log shows that it has been done.

mod access;
mod accounts;
mod api_keys;
mod drift;
mod egress;
mod installation;
mod nodes;
mod packages;
mod timers;
mod users;
mod web_users;
mod webhooks;
mod websites;

use std::pin::Pin;

use berth_core::audit::AuditEntry;
use berth_core::policy::{Action, Scope};
use berth_core::{Fields, Parse, Problems};
use berth_server::app::Ctx;
use serde_json::Value;

use crate::dice::Dice;
use crate::facts::Facts;

/// A verb.
pub(crate) struct Entry {
    pub(crate) action: Action,
    /// Makes an order; nothing if the world has nothing that it could be about.
    pub(crate) make: fn(&mut Dice, &Facts) -> Option<Order>,
}

/// Every verb.
pub(crate) const VERBS: &[Entry] = &[
    Entry { action: Action::UserCreate, make: users::create },
    Entry { action: Action::UserEdit, make: users::edit },
    Entry { action: Action::UserSetPassword, make: users::set_password },
    Entry { action: Action::UserSetRole, make: users::set_role },
    Entry { action: Action::UserSetPackage, make: packages::give },
    Entry { action: Action::UserSuspend, make: access::suspend },
    Entry { action: Action::UserActivate, make: access::activate },
    Entry { action: Action::UserInvite, make: access::invite },
    Entry { action: Action::SessionRevoke, make: access::end_sessions },
    Entry { action: Action::SecondFactorRequire, make: access::require_second_factor },
    Entry { action: Action::SecondFactorReset, make: access::reset_second_factor },
    Entry { action: Action::SftpSet, make: accounts::set_sftp },
    Entry { action: Action::DomainAdd, make: accounts::add_domain },
    Entry { action: Action::DomainEdit, make: accounts::edit_domain },
    Entry { action: Action::DomainRemove, make: accounts::remove_domain },
    Entry { action: Action::DomainVerify, make: accounts::verify_domain },
    Entry { action: Action::DomainApprove, make: accounts::approve_domain },
    Entry { action: Action::CertificateRenew, make: accounts::renew_certificate },
    Entry { action: Action::WebUserAdd, make: web_users::add },
    Entry { action: Action::WebUserEdit, make: web_users::edit },
    Entry { action: Action::WebUserDelete, make: web_users::delete },
    Entry { action: Action::SshKeyAdd, make: accounts::add_ssh_key },
    Entry { action: Action::SshKeyRemove, make: accounts::remove_ssh_key },
    Entry { action: Action::TimerAdd, make: timers::add },
    Entry { action: Action::TimerEdit, make: timers::edit },
    Entry { action: Action::TimerRemove, make: timers::remove },
    Entry { action: Action::TimerRun, make: timers::run },
    Entry { action: Action::EgressRuleAdd, make: egress::add_rule },
    Entry { action: Action::EgressRuleRemove, make: egress::remove_rule },
    Entry { action: Action::PackageCreate, make: packages::create },
    Entry { action: Action::PackageEdit, make: packages::edit },
    Entry { action: Action::PackageDelete, make: packages::delete },
    Entry { action: Action::NodeAudit, make: nodes::audit },
    Entry { action: Action::HomeQuarantine, make: nodes::quarantine },
    Entry { action: Action::DriftAdopt, make: drift::adopt },
    Entry { action: Action::DriftRevert, make: drift::revert },
    Entry { action: Action::ApiKeyCreate, make: api_keys::create },
    Entry { action: Action::ApiKeyRevoke, make: api_keys::revoke },
    Entry { action: Action::WebhookAdd, make: webhooks::add },
    Entry { action: Action::WebhookRemove, make: webhooks::remove },
    Entry { action: Action::WebhookTest, make: webhooks::test },
    Entry { action: Action::WebhookReplay, make: webhooks::replay },
    Entry { action: Action::WebsiteSet, make: websites::set },
    Entry { action: Action::ExternalUserForget, make: websites::forget },
    Entry { action: Action::SettingsEdit, make: installation::setup },
];

/// What is not simulated yet, and has to be: the checks of the host don't know accounts that are closed, and
/// the simulation has neither sessions that could act for somebody nor mail that could be sent again.
pub(crate) const NOT_SIMULATED: &[Action] = &[
    Action::UserDelete,
    Action::UserRestore,
    Action::UserPurge,
    Action::UserImpersonate,
    Action::MailResend,
];

/// Whether an action changes something.
pub(crate) fn changes(action: Action) -> bool {
    action.scope() != Scope::Read && !matches!(action, Action::AuditRead | Action::WebsiteRead)
}

/// Changes what is so by what the audit log says.
type Apply = dyn Fn(&mut Facts, &AuditEntry) -> Result<(), String>;

type Given = Pin<Box<dyn Future<Output = Result<(), Problems>>>>;

/// A command with its target.
pub(crate) struct Order {
    /// For people.
    pub(crate) what: String,
    /// Whether doing it again by the same actor is doing it once, also without an idempotency key.
    pub(crate) repeatable: bool,
    /// Calls the verb.
    pub(crate) give: Box<dyn Fn(Ctx) -> Given>,
    /// What has changed when it has been done; an error if it can't have been done.
    pub(crate) apply: Box<Apply>,
    /// Whether there is nothing to do, so that being done leaves no trace.
    pub(crate) visible: Box<dyn Fn(&Facts) -> bool>,
}

impl Order {
    pub(crate) fn new<F: Future<Output = Result<(), Problems>> + 'static>(
        what: impl Into<String>,
        give: impl Fn(Ctx) -> F + 'static,
    ) -> Self {
        Self {
            what: what.into(),
            repeatable: false,
            give: Box::new(move |ctx| Box::pin(give(ctx))),
            apply: Box::new(|_, _| Ok(())),
            visible: Box::new(|_| false),
        }
    }

    /// See [`Order::apply`].
    pub(crate) fn then(
        mut self,
        apply: impl Fn(&mut Facts, &AuditEntry) -> Result<(), String> + 'static,
    ) -> Self {
        self.apply = Box::new(apply);
        self
    }

    /// See [`Order::visible`].
    pub(crate) fn or_if(mut self, visible: impl Fn(&Facts) -> bool + 'static) -> Self {
        self.visible = Box::new(visible);
        self
    }
}

/// Parses a command as every dialect does.
fn parsed<T>(body: Value, parse: impl FnOnce(Fields) -> Result<T, Problems>) -> T {
    let shown = body.to_string();
    let fields = Fields::from_value(body).unwrap();
    parse(fields).unwrap_or_else(|problems| panic!("{shown}: {problems}"))
}

/// Parses a name.
fn name<T: Parse>(text: &str) -> T {
    T::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

/// The error if something was done to what is not there, or twice.
fn expect(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}
