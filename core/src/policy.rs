//! The one answer to: may this actor do this action on this thing?
//!
//! Deny by default. The whole table of role × action × relation is a snapshot in the tests, so that no right
//! appears or goes unseen.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::role::{Actor, Role};
use crate::{Code, Parse, Problem};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident => $word:literal, $scope:ident;)+) => {
        /// Something that somebody may want to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($(#[$doc])* $variant,)+ }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The dotted name in audit log and answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The scope that an API key needs for it.
            pub const fn scope(self) -> Scope {
                match self { $(Self::$variant => Scope::$scope,)+ }
            }
        }
    };
}

actions! {
    /// Create a person, with or without an account.
    UserCreate => "user.create", Users;
    /// See one user.
    UserRead => "user.read", Read;
    /// List users; what the list holds depends on who asks.
    UserList => "user.list", Read;
    /// Change a profile.
    UserEdit => "user.edit", Users;
    /// Set a password.
    UserSetPassword => "user.set_password", Users;
    /// Change a role.
    UserSetRole => "user.set_role", Users;
    /// See the sessions of a user, and their sign-ins.
    SessionRead => "session.read", Read;
    /// End sessions of a user.
    SessionRevoke => "session.revoke", Users;
    /// Switch a user's second factor off, to be enrolled again.
    SecondFactorReset => "second_factor.reset", Users;
    /// Say whether a user must have a second factor.
    SecondFactorRequire => "second_factor.require", Users;
    /// Close what belongs to a user, for a reason.
    UserSuspend => "user.suspend", Users;
    /// Take such a reason away.
    UserActivate => "user.activate", Users;
    /// Put a user into the trash.
    UserDelete => "user.delete", Users;
    /// Bring a user back from the trash.
    UserRestore => "user.restore", Users;
    /// Remove a user for good.
    UserPurge => "user.purge", Users;
    /// Give an account another package.
    UserSetPackage => "user.set_package", Users;
    /// Act in a user's place.
    UserImpersonate => "user.impersonate", Users;
    /// Invite somebody, and change invitations.
    UserInvite => "user.invite", Users;
    /// See invitations.
    InvitationRead => "invitation.read", Read;
    /// See the mails to a user, and what became of them.
    MailRead => "mail.read", Read;
    /// Send a mail to a user once more.
    MailResend => "mail.resend", Users;
    /// See the websites of a user with what is secret in them.
    WebsiteRead => "website.read", Users;
    /// Define the websites of a user.
    WebsiteSet => "website.set", Users;
    /// Forget a user's websites, and a user who has nothing else.
    ExternalUserForget => "external_user.forget", Users;
    /// Switch file transfer on or off.
    SftpSet => "sftp.set", Users;
    /// See the domains of an account.
    DomainRead => "domain.read", Read;
    /// Add a domain.
    DomainAdd => "domain.add", Domains;
    /// Change the settings of a domain's site.
    DomainEdit => "domain.edit", Domains;
    /// Remove a domain.
    DomainRemove => "domain.remove", Domains;
    /// Have the proof of a domain's ownership looked for.
    DomainVerify => "domain.verify", Domains;
    /// Vouch for a domain's ownership.
    DomainApprove => "domain.approve", Domains;
    /// See where the certificate of a site stands.
    CertificateRead => "certificate.read", Read;
    /// Have a new certificate ordered.
    CertificateRenew => "certificate.renew", Domains;
    /// See the web users of a site.
    WebUserRead => "web_user.read", Read;
    /// Add a web user to a site.
    WebUserAdd => "web_user.add", Domains;
    /// Change a web user, or what those of a site may do.
    WebUserEdit => "web_user.edit", Domains;
    /// Delete a web user.
    WebUserDelete => "web_user.delete", Domains;
    /// Read the logs of a site.
    LogRead => "log.read", Read;
    /// See the keys of an account.
    SshKeyRead => "ssh_key.read", Read;
    /// Add a key.
    SshKeyAdd => "ssh_key.add", Keys;
    /// Remove a key.
    SshKeyRemove => "ssh_key.remove", Keys;
    /// See what an account may reach on the network, and what was refused.
    EgressRead => "egress.read", Read;
    /// Let an account reach something whatever its package says.
    EgressRuleAdd => "egress.rule_add", Users;
    /// Take such a rule away.
    EgressRuleRemove => "egress.rule_remove", Users;
    /// See the timers of an account, with their runs.
    TimerRead => "timer.read", Read;
    /// Add a timer.
    TimerAdd => "timer.add", Timers;
    /// Change a timer.
    TimerEdit => "timer.edit", Timers;
    /// Remove a timer.
    TimerRemove => "timer.remove", Timers;
    /// Run a timer now.
    TimerRun => "timer.run", Timers;
    /// See packages.
    PackageRead => "package.read", Read;
    /// Create a package.
    PackageCreate => "package.create", Packages;
    /// Change a package.
    PackageEdit => "package.edit", Packages;
    /// Delete a package.
    PackageDelete => "package.delete", Packages;
    /// See nodes.
    NodeRead => "node.read", Read;
    /// Make a node look at everything now.
    NodeAudit => "node.audit", Nodes;
    /// Move a left-over home aside.
    HomeQuarantine => "home.quarantine", Nodes;
    /// See what somebody else has changed on nodes.
    DriftRead => "drift.read", Read;
    /// Take over what was found on a node.
    DriftAdopt => "drift.adopt", Nodes;
    /// Keep what Berth has, and undo a take-over.
    DriftRevert => "drift.revert", Nodes;
    /// See API keys; never their secret.
    ApiKeyRead => "api_key.read", Read;
    /// Create an API key.
    ApiKeyCreate => "api_key.create", ApiKeys;
    /// Revoke an API key.
    ApiKeyRevoke => "api_key.revoke", ApiKeys;
    /// See what has happened.
    EventRead => "event.read", Read;
    /// See webhooks and their deliveries; never their secrets.
    WebhookRead => "webhook.read", Read;
    /// Have somebody told of events.
    WebhookAdd => "webhook.add", Webhooks;
    /// Tell them no more.
    WebhookRemove => "webhook.remove", Webhooks;
    /// Try whether a webhook works.
    WebhookTest => "webhook.test", Webhooks;
    /// Send an event to a webhook again.
    WebhookReplay => "webhook.replay", Webhooks;
    /// Read and verify the audit log.
    AuditRead => "audit.read", Audit;
    /// See the installation's settings.
    SettingsRead => "settings.read", Read;
    /// Change the installation's settings.
    SettingsEdit => "settings.edit", Settings;
}

/// What an API key may be used for, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// Look at what its user may look at.
    #[serde(rename = "read")]
    Read,
    /// Create and change users.
    #[serde(rename = "users")]
    Users,
    /// Add and remove domains.
    #[serde(rename = "domains")]
    Domains,
    /// Add and remove SSH keys.
    #[serde(rename = "keys")]
    Keys,
    /// Add, change, run and remove timers.
    #[serde(rename = "timers")]
    Timers,
    /// Create, change and delete packages.
    #[serde(rename = "packages")]
    Packages,
    /// Act on nodes.
    #[serde(rename = "nodes")]
    Nodes,
    /// Create and revoke API keys.
    #[serde(rename = "api_keys")]
    ApiKeys,
    /// Add, try and remove webhooks.
    #[serde(rename = "webhooks")]
    Webhooks,
    /// Read the audit log.
    #[serde(rename = "audit")]
    Audit,
    /// Change settings.
    #[serde(rename = "settings")]
    Settings,
}

impl Scope {
    /// Every scope.
    pub const ALL: &'static [Self] = &[
        Self::Read,
        Self::Users,
        Self::Domains,
        Self::Keys,
        Self::Timers,
        Self::Packages,
        Self::Nodes,
        Self::ApiKeys,
        Self::Webhooks,
        Self::Audit,
        Self::Settings,
    ];

    /// The word in input, output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Users => "users",
            Self::Domains => "domains",
            Self::Keys => "keys",
            Self::Timers => "timers",
            Self::Packages => "packages",
            Self::Nodes => "nodes",
            Self::ApiKeys => "api_keys",
            Self::Webhooks => "webhooks",
            Self::Audit => "audit",
            Self::Settings => "settings",
        }
    }
}

impl Parse for Scope {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|scope| scope.as_str()).collect();
            Problem::new(Code::ValueInvalid, format!("`{}` is not a scope", crate::name::shown(text)))
                .hint(format!("use some of {}", known.join(", ")))
        })
    }
}

/// How the thing that is acted upon relates to the actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// It belongs to the installation, not to a user: packages, nodes, settings, the list of all.
    Installation,
    /// The actor's own user, or an account in which the actor is owner or manager.
    Own,
    /// A user or account that the actor, a reseller, owns.
    Managed,
    /// Somebody else's.
    Foreign,
}

impl Relation {
    /// Every relation.
    pub const ALL: &'static [Self] = &[Self::Installation, Self::Own, Self::Managed, Self::Foreign];
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No, and the actor may know that the thing exists.
    Forbid,
    /// No, and the actor may not know whether the thing exists: the answer is as for one that does not.
    Hide,
    /// No, because nobody has signed in.
    Authenticate,
}

/// Decides. Total, pure, and the only place where rights are granted.
pub fn decide(actor: &Actor, action: Action, relation: Relation) -> Decision {
    match actor {
        Actor::Operator | Actor::System => Decision::Allow,
        Actor::Anonymous { .. } => Decision::Authenticate,
        Actor::LocalUser { .. } => Decision::Forbid,
        Actor::ApiKey { role, scopes, .. } => {
            if !role_allows(*role, action, relation) {
                return if relation == Relation::Foreign { Decision::Hide } else { Decision::Forbid };
            }
            if scopes.contains(&action.scope()) { Decision::Allow } else { Decision::Forbid }
        }
        Actor::Person { role, behind, .. } => {
            if !role_allows(*role, action, relation) {
                return if relation == Relation::Foreign { Decision::Hide } else { Decision::Forbid };
            }
            if behind.is_some() && is_personal(action) { Decision::Forbid } else { Decision::Allow }
        }
    }
}

/// What nobody does in somebody else's place: what would outlast the impersonation or can't be undone.
const fn is_personal(action: Action) -> bool {
    use Action as A;
    matches!(
        action,
        A::UserSetPassword
            | A::UserSetRole
            | A::SecondFactorReset
            | A::SecondFactorRequire
            | A::UserDelete
            | A::UserPurge
            | A::UserImpersonate
            | A::WebsiteRead
            | A::WebsiteSet
            | A::WebUserAdd
            | A::WebUserEdit
            | A::SshKeyAdd
            | A::SshKeyRemove
            | A::ApiKeyCreate
            | A::ApiKeyRevoke
    )
}

/// The rights of a role, before scopes take some away.
fn role_allows(role: Role, action: Action, relation: Relation) -> bool {
    use Action as A;
    use Relation as R;
    match role {
        Role::Admin => true,
        Role::Reseller => match action {
            A::UserList | A::PackageRead | A::UserCreate | A::UserInvite | A::InvitationRead => {
                relation == R::Installation
            }
            A::UserRead
            | A::UserEdit
            | A::UserSetPassword
            | A::SessionRead
            | A::SessionRevoke
            // Which reasons these may concern is said by `suspension::Authority`.
            | A::UserSuspend
            | A::UserActivate
            | A::WebsiteRead
            | A::WebsiteSet
            | A::SftpSet
            | A::DomainRead
            | A::DomainAdd
            | A::DomainEdit
            | A::DomainRemove
            | A::DomainVerify
            | A::CertificateRead
            | A::CertificateRenew
            | A::WebUserRead
            | A::WebUserAdd
            | A::WebUserEdit
            | A::WebUserDelete
            | A::LogRead
            | A::SshKeyRead
            | A::SshKeyAdd
            | A::SshKeyRemove
            | A::EgressRead
            | A::TimerRead
            | A::TimerAdd
            | A::TimerEdit
            | A::TimerRemove
            | A::TimerRun => {
                matches!(relation, R::Own | R::Managed)
            }
            A::ApiKeyRead | A::ApiKeyCreate | A::ApiKeyRevoke => relation == R::Own,
            // What one may have is decided by whoever sells it, not by oneself.
            A::UserSetPackage
            | A::UserDelete
            | A::UserRestore
            | A::UserPurge
            | A::SecondFactorReset
            | A::SecondFactorRequire
            | A::MailRead
            | A::MailResend => relation == R::Managed,
            // What widens the reach of an account is not for whoever sells it.
            A::EgressRuleAdd
            | A::EgressRuleRemove
            | A::UserSetRole
            | A::ExternalUserForget
            | A::DomainApprove
            | A::PackageCreate
            | A::PackageEdit
            | A::PackageDelete
            | A::NodeRead
            | A::NodeAudit
            | A::HomeQuarantine
            | A::DriftRead
            | A::DriftAdopt
            | A::DriftRevert
            | A::EventRead
            | A::WebhookRead
            | A::WebhookAdd
            | A::WebhookRemove
            | A::WebhookTest
            | A::WebhookReplay
            | A::AuditRead
            | A::UserImpersonate
            | A::SettingsRead
            | A::SettingsEdit => false,
        },
        Role::User => match action {
            A::UserList => relation == R::Installation,
            A::UserRead
            | A::UserEdit
            | A::UserSetPassword
            | A::SessionRead
            | A::SessionRevoke
            | A::UserSuspend
            | A::UserActivate
            | A::WebsiteRead
            | A::WebsiteSet
            | A::SftpSet
            | A::DomainRead
            | A::DomainAdd
            | A::DomainEdit
            | A::DomainRemove
            | A::DomainVerify
            | A::CertificateRead
            | A::CertificateRenew
            | A::WebUserRead
            | A::WebUserAdd
            | A::WebUserEdit
            | A::WebUserDelete
            | A::LogRead
            | A::SshKeyRead
            | A::SshKeyAdd
            | A::SshKeyRemove
            | A::EgressRead
            | A::TimerRead
            | A::TimerAdd
            | A::TimerEdit
            | A::TimerRemove
            | A::TimerRun
            | A::ApiKeyRead
            | A::ApiKeyCreate
            | A::ApiKeyRevoke => relation == R::Own,
            A::EgressRuleAdd
            | A::EgressRuleRemove
            | A::SecondFactorReset
            | A::SecondFactorRequire
            | A::UserCreate
            | A::UserSetPackage
            | A::UserSetRole
            | A::UserDelete
            | A::UserRestore
            | A::UserPurge
            | A::ExternalUserForget
            | A::DomainApprove
            | A::PackageRead
            | A::PackageCreate
            | A::PackageEdit
            | A::PackageDelete
            | A::NodeRead
            | A::NodeAudit
            | A::HomeQuarantine
            | A::DriftRead
            | A::DriftAdopt
            | A::DriftRevert
            | A::EventRead
            | A::WebhookRead
            | A::WebhookAdd
            | A::WebhookRemove
            | A::WebhookTest
            | A::WebhookReplay
            | A::AuditRead
            | A::UserImpersonate
            | A::UserInvite
            | A::InvitationRead
            | A::MailRead
            | A::MailResend
            | A::SettingsRead
            | A::SettingsEdit => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::id::{ApiKeyId, UserId};

    fn key(role: Role, scopes: &[Scope]) -> Actor {
        Actor::ApiKey {
            key: ApiKeyId(uuid::Uuid::nil()),
            user: UserId(uuid::Uuid::nil()),
            name: "x".into(),
            role,
            scopes: scopes.to_vec(),
        }
    }

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for action in Action::ALL {
            let _ = write!(table, "{:<22}", action.as_str());
            for role in Role::ALL {
                let _ = write!(table, " {role}:");
                for relation in Relation::ALL {
                    table.push(match decide(&key(*role, Scope::ALL), *action, *relation) {
                        Decision::Allow => '+',
                        Decision::Forbid => '-',
                        Decision::Hide => '?',
                        Decision::Authenticate => '!',
                    });
                }
            }
            table.push('\n');
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_key_never_does_more_than_its_scopes() {
        let read_only = key(Role::Admin, &[Scope::Read]);
        for action in Action::ALL {
            for relation in Relation::ALL {
                let allowed = decide(&read_only, *action, *relation) == Decision::Allow;
                assert_eq!(allowed, action.scope() == Scope::Read, "{action:?} {relation:?}");
            }
        }
    }

    fn person(role: Role, behind: Option<crate::role::Impersonator>) -> Actor {
        Actor::Person {
            user: UserId(uuid::Uuid::nil()),
            name: "x".into(),
            role,
            via: crate::role::Via::Plesk,
            behind,
        }
    }

    #[test]
    fn a_person_has_the_rights_of_the_role_and_an_impersonator_less() {
        let admin = crate::role::Impersonator { user: UserId(uuid::Uuid::nil()), name: "root".into() };
        for role in Role::ALL {
            for action in Action::ALL {
                for relation in Relation::ALL {
                    let all = decide(&key(*role, Scope::ALL), *action, *relation);
                    assert_eq!(decide(&person(*role, None), *action, *relation), all);
                    let behind = decide(&person(*role, Some(admin.clone())), *action, *relation);
                    let expected =
                        if all == Decision::Allow && is_personal(*action) { Decision::Forbid } else { all };
                    assert_eq!(behind, expected, "{action:?} {relation:?}");
                }
            }
        }
    }

    #[test]
    fn nobody_and_local_users_get_nothing() {
        for action in Action::ALL {
            for relation in Relation::ALL {
                let nobody = Actor::Anonymous { from: "192.0.2.1".into() };
                assert_eq!(decide(&nobody, *action, *relation), Decision::Authenticate);
                assert_eq!(decide(&Actor::LocalUser { uid: 1000 }, *action, *relation), Decision::Forbid);
            }
        }
    }
}
