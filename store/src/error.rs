//! What can go wrong with the database.

/// A failure of the store. None of them holds a value that was stored or the URL of the database, which may
/// hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL names neither engine.
    #[error("the database URL must start with sqlite:, postgres: or postgresql:")]
    UrlUnknown,
    /// The URL can't be read.
    #[error("the database URL can't be read")]
    UrlInvalid,
    /// The database can't be opened.
    #[error("open the database {place}")]
    Open {
        /// Path, or host and name.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The file of the database can't be created.
    #[error("create the database file {place}")]
    Create {
        /// Its path.
        place: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The migrations do not fit the database, or one failed.
    #[error("migrate the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// No connection was free in time, or the database could not be reached.
    #[error("get a connection to the database")]
    Unavailable(#[source] sqlx::Error),
    /// Somebody else has what shall be unique.
    #[error("{0} is already there")]
    Conflict(Constraint),
    /// Something else still refers to it, or it refers to something that is not there.
    #[error("a reference between rows does not hold in {statement}")]
    Reference {
        /// The statement.
        statement: &'static str,
    },
    /// Another transaction was in the way; the same verb may succeed if it is run again from its start.
    #[error("another transaction was in the way of {statement}")]
    Contended {
        /// The statement.
        statement: &'static str,
        /// What the engine said.
        #[source]
        source: sqlx::Error,
    },
    /// A row that the caller had read in this transaction is not there.
    #[error("there is no such {what}")]
    Missing {
        /// What was to be there.
        what: &'static str,
    },
    /// No numeric id is left in the range for accounts.
    #[error("no numeric id is left for another account")]
    IdsExhausted,
    /// The cursor is none of ours.
    #[error("the cursor can't be read")]
    CursorInvalid,
    /// A stored value does not parse.
    #[error("the stored {what} can't be read: {why}")]
    Corrupt {
        /// Column or object.
        what: &'static str,
        /// What the parser said.
        why: String,
    },
    /// A backup can't be read or written.
    #[error("{what}")]
    Backup {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Anything else that the engine refused.
    #[error("run the statement {statement}")]
    Statement {
        /// The statement.
        statement: &'static str,
        /// What the engine said.
        #[source]
        source: sqlx::Error,
    },
}

impl StoreError {
    /// Whether the same verb, run again from its start in a new transaction, may succeed. Nothing of the
    /// failed one was kept.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Contended { .. })
    }

    /// The constraint that a conflict is about.
    pub fn conflict(&self) -> Option<Constraint> {
        if let Self::Conflict(constraint) = self { Some(*constraint) } else { None }
    }

    /// Sorts an engine's error into ours.
    pub(crate) fn of_statement(statement: &'static str, source: sqlx::Error) -> Self {
        let Some(error) = source.as_database_error() else {
            return match source {
                sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                    Self::Unavailable(source)
                }
                _ => Self::Statement { statement, source },
            };
        };
        match error.kind() {
            sqlx::error::ErrorKind::UniqueViolation => {
                let constraint = error
                    .constraint()
                    .and_then(Constraint::by_name)
                    .or_else(|| Constraint::by_columns(error.message()));
                match constraint {
                    Some(constraint) => Self::Conflict(constraint),
                    None => Self::Statement { statement, source },
                }
            }
            sqlx::error::ErrorKind::ForeignKeyViolation => Self::Reference { statement },
            // SQLite runs `ON DELETE RESTRICT` as a trigger of its own, and reports it as one.
            _ if error.code().is_some_and(|code| code == "1811") => Self::Reference { statement },
            _ => {
                // PostgreSQL: serialization failure, deadlock, lock not available. SQLite: busy, locked, and
                // busy because of a snapshot or a recovery.
                let contended = error.code().is_some_and(|code| {
                    ["40001", "40P01", "55P03", "5", "6", "261", "262", "517"].contains(&code.as_ref())
                });
                if contended {
                    Self::Contended { statement, source }
                } else {
                    Self::Statement { statement, source }
                }
            }
        }
    }
}

macro_rules! constraints {
    ($($(#[$doc:meta])* $variant:ident: $name:literal, $columns:literal, $what:literal;)+) => {
        /// A uniqueness that the database keeps.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Constraint { $($(#[$doc])* $variant,)+ }

        impl Constraint {
            /// Every constraint.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in the schema.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Its columns as SQLite lists them, which does not say the name.
            const fn columns(self) -> &'static str {
                match self { $(Self::$variant => $columns,)+ }
            }

            const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)+ }
            }
        }
    };
}

constraints! {
    /// The id of a user.
    User: "users_pkey", "users.id", "a user of that id";
    /// What a user signs in with.
    UserLogin: "users_login_key", "users.login", "a user of that login";
    /// A user's address, without regard to case.
    UserEmail: "users_email_key", "users.email_key", "a user of that email address";
    /// The id of a package.
    Package: "packages_pkey", "packages.id", "a package of that id";
    /// The name of a package.
    PackageName: "packages_name_key", "packages.name", "a package of that name";
    /// The id of a node.
    Node: "nodes_pkey", "nodes.id", "a node of that id";
    /// The name of a node.
    NodeName: "nodes_name_key", "nodes.name", "a node of that name";
    /// The id of an account.
    Account: "accounts_pkey", "accounts.id", "an account of that id";
    /// The name of an account.
    AccountUsername: "accounts_username_key", "accounts.username", "an account of that username";
    /// The number of an account.
    AccountUid: "accounts_uid_key", "accounts.uid", "an account of that numeric id";
    /// The generation of an account on its node.
    AccountGeneration: "accounts_generation_key", "accounts.node_id, accounts.generation", "an account of that generation";
    /// One membership of a user in an account.
    Membership: "memberships_pkey", "memberships.user_id, memberships.account_id", "that membership";
    /// One owner of an account.
    AccountOwner: "memberships_owner_key", "memberships.account_id", "an owner of that account";
    /// The id of a domain.
    Domain: "domains_pkey", "domains.id", "a domain of that id";
    /// The name of a domain.
    DomainName: "domains_fqdn_key", "domains.fqdn", "a domain of that name";
    /// One primary domain of an account.
    DomainPrimary: "domains_primary_key", "domains.account_id", "a primary domain of that account";
    /// A host name that a site is served under, domains and aliases alike.
    HostName: "host_names_pkey", "host_names.name", "a site of that host name";
    /// The id of an SSH key.
    SshKey: "ssh_keys_pkey", "ssh_keys.id", "an SSH key of that id";
    /// The fingerprint of a key within an account.
    SshKeyFingerprint: "ssh_keys_fingerprint_key", "ssh_keys.account_id, ssh_keys.fingerprint", "that SSH key";
    /// A user whom Installatron's API knows.
    ExternalUser: "external_users_pkey", "external_users.user_id", "what Installatron's API says of that user";
    /// The id of a website.
    Website: "websites_pkey", "websites.id", "a website of that id";
    /// The label of a website of a user.
    WebsiteLabel: "websites_label_key", "websites.user_id, websites.label", "a website of that label";
    /// The server that a pinned key is of.
    PinnedHostKey: "pinned_host_keys_pkey", "pinned_host_keys.server", "a pinned key of that server";
    /// The id of an egress rule.
    EgressRule: "egress_rules_pkey", "egress_rules.id", "an egress rule of that id";
    /// What an egress rule of an account allows.
    EgressRuleReach: "egress_rules_rule_key", "egress_rules.account_id, egress_rules.network, egress_rules.port, egress_rules.protocol", "that egress rule";
    /// The id of a timer.
    Timer: "timers_pkey", "timers.id", "a timer of that id";
    /// The name of a timer within an account.
    TimerName: "timers_name_key", "timers.account_id, timers.name", "a timer of that name";
    /// The number of a user.
    UserNumber: "user_numbers_pkey", "user_numbers.number", "a user of that number";
    /// The user of a number.
    UserNumbered: "user_numbers_user_key", "user_numbers.user_id", "a number of that user";
    /// The number of a domain.
    DomainNumber: "domain_numbers_pkey", "domain_numbers.number", "a domain of that number";
    /// The domain of a number.
    DomainNumbered: "domain_numbers_domain_key", "domain_numbers.domain_id", "a number of that domain";
    /// The number of a web user.
    WebUser: "web_users_pkey", "web_users.number", "a web user of that number";
    /// What a web user signs in with, without regard to case.
    WebUserLogin: "web_users_login_key", "web_users.login_key", "a web user of that login";
    /// The number of a web user's Unix account.
    WebUserUid: "web_users_uid_key", "web_users.uid", "a web user of that numeric id";
    /// A site without scripts of web users.
    WebScriptsOff: "web_scripts_off_pkey", "web_scripts_off.domain_id", "that switch";
    /// The id of a key of Plesk's API.
    PleskKey: "plesk_keys_pkey", "plesk_keys.id", "a Plesk key of that id";
    /// A key of Plesk's API.
    PleskKeySecret: "plesk_keys_secret_key", "plesk_keys.secret_sha256", "that Plesk key";
    /// The id of a quarantine.
    Quarantine: "quarantines_pkey", "quarantines.id", "a quarantine of that id";
    /// One pending quarantine of a home.
    QuarantinePending: "quarantines_pending_key", "quarantines.node_id, quarantines.username", "a pending quarantine of that home";
    /// The id of an API key.
    ApiKey: "api_keys_pkey", "api_keys.id", "an API key of that id";
    /// One pending invitation of an address.
    InvitationPending: "invitations_pending_key", "invitations.email_key", "a pending invitation of that address";
    /// The id of a message.
    Message: "outbox_pkey", "outbox.id", "a message of that id";
    /// The idempotency key of an actor.
    IdempotencyKey: "idempotency_keys_pkey", "idempotency_keys.actor, idempotency_keys.key", "a request of that idempotency key";
}

impl Constraint {
    fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|constraint| constraint.name() == name)
    }

    /// Finds the constraint in SQLite's message, which ends in the columns.
    fn by_columns(message: &str) -> Option<Self> {
        let (_, columns) = message.rsplit_once("constraint failed: ")?;
        Self::ALL.iter().copied().find(|constraint| constraint.columns() == columns)
    }
}

impl std::fmt::Display for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.what())
    }
}
