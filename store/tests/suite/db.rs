//! A database for one test, and things to put into it.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use berth_core::domain::{Docroot, DomainState};
use berth_core::egress::{EgressRule, Protocol};
use berth_core::id::{AccountId, DomainId, EgressRuleId, NodeId, PackageId, SshKeyId, UserId};
use berth_core::package::{Features, Limits};
use berth_core::role::Role;
use berth_core::user::{Language, MemberRole};
use berth_store::accounts::AccountRecord;
use berth_store::domains::DomainRecord;
use berth_store::egress_rules::EgressRuleRecord;
use berth_store::memberships::MembershipRecord;
use berth_store::nodes::NodeRecord;
use berth_store::packages::PackageRecord;
use berth_store::ssh_keys::SshKeyRecord;
use berth_store::users::{PasswordHash, UserRecord};
use berth_store::{Result, Store, Tx};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

/// Declares tests that run on both engines.
macro_rules! both_engines {
    ($(async fn $name:ident($db:ident) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn run($db: &crate::db::Db) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let db = crate::db::Db::sqlite().await;
                run(&db).await;
                db.finish().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(db) = crate::db::Db::postgres().await {
                    run(&db).await;
                    db.finish().await;
                }
            }
        }
    )+};
}

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Db {
    pub(crate) store: Store,
    pub(crate) url: String,
    admin: Option<(String, String)>,
    directory: Option<tempfile::TempDir>,
}

impl Db {
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("berth.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, url, admin: None, directory: Some(directory) }
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let Ok(admin) = std::env::var("BERTH_TEST_POSTGRES") else {
            eprintln!("not run: BERTH_TEST_POSTGRES names no server");
            return None;
        };
        let name = format!("berth_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&admin).await.unwrap();
        for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
        let (server, _) = admin.rsplit_once('/').expect("a URL with a database");
        let url = format!("{server}/{name}");
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        Some(Self { store, url, admin: Some((admin, name)), directory: None })
    }

    /// An empty database of the same engine.
    pub(crate) async fn another(&self) -> Self {
        if self.directory.is_some() { Self::sqlite().await } else { Self::postgres().await.unwrap() }
    }

    pub(crate) async fn finish(self) {
        self.store.close().await;
        if let Some((admin, name)) = self.admin {
            let mut connection = PgConnection::connect(&admin).await.unwrap();
            sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }

    /// Runs a statement past the store, as somebody with access to the database could.
    pub(crate) async fn raw(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.directory.is_some() {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    /// The rows of a question whose columns are all text.
    pub(crate) async fn ask<R>(&self, sql: &str) -> Vec<R>
    where
        R: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
            + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>
            + Send
            + Unpin,
    {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.directory.is_some() {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap()
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap()
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.directory.is_some()
    }

    /// A node and a package, committed.
    pub(crate) async fn ground(&self) -> (NodeRecord, PackageRecord) {
        let mut tx = self.store.begin().await.unwrap();
        let node = berth_store::nodes::ensure(&mut tx, NodeId(id()), "node1", at(0)).await.unwrap();
        let package = package("standard");
        berth_store::packages::insert(&mut tx, &package).await.unwrap();
        tx.commit().await.unwrap();
        (node, package)
    }

    /// A user with an account and a domain, committed.
    pub(crate) async fn tenant(&self, node: &NodeRecord, package: &PackageRecord, name: &str) -> Tenant {
        let mut tx = self.store.begin().await.unwrap();
        let tenant = create(&mut tx, node.id, package.id, name).await.unwrap();
        tx.commit().await.unwrap();
        tenant
    }
}

pub(crate) struct Tenant {
    pub(crate) user: UserRecord,
    pub(crate) account: AccountRecord,
    pub(crate) domain: DomainRecord,
}

/// What `user create` stores, in its order.
pub(crate) async fn create(tx: &mut Tx, node: NodeId, package: PackageId, name: &str) -> Result<Tenant> {
    let user = user(name);
    berth_store::users::insert(tx, &user, Some(&PasswordHash("$argon2id$x".to_owned()))).await?;
    let uid = berth_store::accounts::allocate_uid(tx).await?;
    let generation = berth_store::nodes::next_generation(tx, node).await?;
    let account = AccountRecord {
        id: AccountId(id()),
        username: name.parse().unwrap(),
        uid,
        node,
        package,
        sftp_enabled: true,
        generation,
        observed_generation: 0,
        created_at: at(1),
    };
    berth_store::accounts::insert(tx, &account).await?;
    berth_store::memberships::insert(
        tx,
        &MembershipRecord { user: user.id, account: account.id, role: MemberRole::Owner, created_at: at(1) },
    )
    .await?;
    let domain = domain(account.id, &format!("{name}.com"), true);
    berth_store::domains::insert(tx, &domain).await?;
    Ok(Tenant { user, account, domain })
}

pub(crate) fn user(name: &str) -> UserRecord {
    UserRecord {
        id: UserId(id()),
        login: Some(name.parse().unwrap()),
        email: format!("{name}@mail.example").parse().unwrap(),
        display_name: format!("{name} Smith").parse().unwrap(),
        role: Role::User,
        phone: None,
        address: None,
        timezone: None,
        language: Language::En,
        owner: None,
        password_set_at: Some(at(1)),
        created_at: at(1),
        version: 1,
        life: berth_core::standing::Life::default(),
    }
}

pub(crate) fn package(name: &str) -> PackageRecord {
    PackageRecord {
        id: PackageId(id()),
        name: name.parse().unwrap(),
        limits: Limits::default(),
        features: Features::default(),
        created_at: at(0),
        version: 1,
    }
}

pub(crate) fn domain(account: AccountId, fqdn: &str, primary: bool) -> DomainRecord {
    let fqdn: berth_core::name::Fqdn = fqdn.parse().unwrap();
    DomainRecord {
        id: DomainId(id()),
        account,
        aliases: berth_core::plan::standard_aliases(&fqdn),
        fqdn,
        docroot: Docroot::default(),
        state: DomainState::Active,
        primary,
        https_redirect: berth_core::domain::HttpsRedirect::Auto,
        hsts: None,
        created_at: at(2),
    }
}

pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti alice@laptop";

pub(crate) fn egress_rule(account: AccountId) -> EgressRuleRecord {
    EgressRuleRecord {
        id: EgressRuleId(id()),
        account,
        rule: EgressRule {
            network: "192.0.2.0/24".to_owned().try_into().unwrap(),
            port: "25-26".to_owned().try_into().unwrap(),
            protocol: Protocol::Tcp,
        },
        note: Some("the relay".parse().unwrap()),
        created_at: at(2),
    }
}

pub(crate) fn ssh_key(account: AccountId) -> SshKeyRecord {
    SshKeyRecord {
        id: SshKeyId(id()),
        account,
        key: berth_core::Parse::parse(KEY).unwrap(),
        created_at: at(3),
    }
}

/// A moment with microseconds, so that rounding shows.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_str("2026-03-01T12:00:00.123456Z").unwrap() + TimeDelta::seconds(seconds)
}

/// A new id; later ones are greater.
pub(crate) fn id() -> uuid::Uuid {
    static NEXT_ID: AtomicU32 = AtomicU32::new(1);
    let number = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    uuid::Builder::from_unix_timestamp_millis(u64::from(number), &[7; 10]).into_uuid()
}
