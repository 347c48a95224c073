//! `berth package …`

use berth_core::package::Limits;
use berth_core::view::PackageView;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::change::ChangeArgs;
use super::pages;
use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::{sheet, table, yes};

#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommand {
    /// Create a package; a limit that is not named is inherited
    Create(WriteArgs),
    /// Change a package; what is not named stays
    Edit(EditArgs),
    /// List packages
    List,
    /// Show a package
    Show(NameArg),
    /// Delete a package that no account uses
    Delete(DeleteArgs),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct NameArg {
    /// Name of the package
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    #[command(flatten)]
    name: NameArg,

    #[command(flatten)]
    content: ContentArgs,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    #[command(flatten)]
    name: NameArg,

    #[command(flatten)]
    content: ContentArgs,

    /// Only if the package still has this version, as `berth package show` gives it
    #[arg(long, value_name = "VERSION")]
    if_version: Option<i64>,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    name: NameArg,

    #[command(flatten)]
    change: ChangeArgs,
}

/// Limits and features. A limit is `inherit`, `unlimited` or a number.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Limits (inherit, unlimited or a number) and features")]
struct ContentArgs {
    /// Disk space in MiB
    #[arg(long, value_name = "LIMIT")]
    disk_mb: Option<String>,
    /// Files and directories
    #[arg(long, value_name = "LIMIT")]
    inodes: Option<String>,
    /// CPU time in percent of one core
    #[arg(long, value_name = "LIMIT")]
    cpu_percent: Option<String>,
    /// Memory in MiB
    #[arg(long, value_name = "LIMIT")]
    memory_mb: Option<String>,
    /// Processes and threads
    #[arg(long, value_name = "LIMIT")]
    tasks: Option<String>,
    /// Disk throughput in MiB per second, each way
    #[arg(long, value_name = "LIMIT")]
    io_mb_per_second: Option<String>,
    /// Domains, the primary one included
    #[arg(long, value_name = "LIMIT")]
    domains: Option<String>,
    /// Mailboxes
    #[arg(long, value_name = "LIMIT")]
    mailboxes: Option<String>,
    /// Databases
    #[arg(long, value_name = "LIMIT")]
    databases: Option<String>,
    /// PHP requests served at the same time
    #[arg(long, value_name = "LIMIT")]
    php_children: Option<String>,
    /// Whether file transfer is included
    #[arg(long, value_name = "YES_OR_NO", value_parser = ["yes", "no"])]
    sftp: Option<String>,
    /// How timers run: always, on-demand or off
    #[arg(long)]
    timers: Option<String>,
    /// What may be reached on the network: none, web, web+mail or open
    #[arg(long)]
    egress: Option<String>,
}

impl ContentArgs {
    fn limit(&self, name: &str) -> Option<&String> {
        match name {
            "disk_mb" => self.disk_mb.as_ref(),
            "inodes" => self.inodes.as_ref(),
            "cpu_percent" => self.cpu_percent.as_ref(),
            "memory_mb" => self.memory_mb.as_ref(),
            "tasks" => self.tasks.as_ref(),
            "io_mb_per_second" => self.io_mb_per_second.as_ref(),
            "domains" => self.domains.as_ref(),
            "mailboxes" => self.mailboxes.as_ref(),
            "databases" => self.databases.as_ref(),
            "php_children" => self.php_children.as_ref(),
            _ => None,
        }
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        for name in Limits::NAMES {
            if let Some(limit) = self.limit(name) {
                fields.insert((*name).to_owned(), json!(limit));
            }
        }
        if let Some(sftp) = &self.sftp {
            fields.insert("sftp".to_owned(), json!(sftp == "yes"));
        }
        for (name, value) in [("timers", &self.timers), ("egress", &self.egress)] {
            if let Some(value) = value {
                fields.insert(name.to_owned(), json!(value));
            }
        }
        fields
    }
}

impl WriteArgs {
    pub(super) fn body(&self) -> Value {
        let mut fields = self.content.fields();
        fields.insert("name".to_owned(), json!(self.name.name));
        Value::Object(fields)
    }
}

impl EditArgs {
    pub(super) fn body(&self) -> Value {
        Value::Object(self.content.fields())
    }
}

impl PackageCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Create(args) => {
                let request = Request::post(&["packages"], args.body());
                shown(session, args.change.send(session, request).await?)
            }
            Self::Edit(args) => {
                let version = args.if_version.map(|version| format!("\"{version}\""));
                let request =
                    Request::patch(&["packages", &args.name.name], args.body()).header("If-Match", version);
                shown(session, args.change.send(session, request).await?)
            }
            Self::Show(args) => {
                shown(session, Some(session.send(Request::get(&["packages", &args.name])).await?))
            }
            Self::List => list(session).await,
            Self::Delete(args) => {
                let request = Request::delete(&["packages", &args.name.name]);
                if let Some(answer) = args.change.send(session, request).await? {
                    session.console.answer(&answer, || format!("package {} is deleted", args.name.name));
                }
                Ok(())
            }
        }
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    pages::whole::<PackageView>(session, Request::get(&["packages"]), |packages| {
        table(
            ["NAME", "ACCOUNTS", "DISK MiB", "CPU %", "MEMORY MiB", "DOMAINS", "SFTP", "TIMERS", "EGRESS"],
            packages.iter().map(|package| {
                let Limits { disk_mb, cpu_percent, memory_mb, domains, .. } = package.limits;
                [
                    package.name.to_string(),
                    package.accounts.to_string(),
                    disk_mb.to_string(),
                    cpu_percent.to_string(),
                    memory_mb.to_string(),
                    domains.to_string(),
                    yes(package.features.sftp),
                    package.features.timers.as_str().to_owned(),
                    package.features.egress.as_str().to_owned(),
                ]
            }),
        )
    })
    .await
}

fn shown(session: &Session, answer: Option<Value>) -> Result<(), Failure> {
    let Some(answer) = answer else { return Ok(()) };
    let package: PackageView = decode(&answer)?;
    session.console.answer(&answer, || {
        let limits = package.limits.iter().map(|(name, limit)| (name, Some(limit.to_string())));
        let features = [
            ("sftp", Some(yes(package.features.sftp))),
            ("timers", Some(package.features.timers.as_str().to_owned())),
            ("egress", Some(package.features.egress.as_str().to_owned())),
            ("accounts", Some(package.accounts.to_string())),
            ("version", Some(package.version.to_string())),
        ];
        sheet([("name", Some(package.name.to_string()))].into_iter().chain(limits).chain(features))
    });
    Ok(())
}
