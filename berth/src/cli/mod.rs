//! The command line: one file per noun. It holds no rules; it builds what REST expects and prints answers.

mod admin;
mod agent;
mod api_key;
mod audit;
mod backup;
mod certificate;
mod change;
mod completions;
mod doctor;
mod domain;
mod drift;
mod egress;
mod event;
mod home;
mod installatron;
mod invitation;
mod log;
mod logs;
mod man;
mod node;
mod package;
mod pages;
mod serve;
mod session;
mod settings;
mod setup;
mod sftp;
mod ssh_key;
#[cfg(test)]
mod tests;
mod timer;
mod timer_run;
mod user;
mod webhook;

use std::path::{Path, PathBuf};

use berth_server::config::{self, Config, ConfigError};
use clap::{Args, Parser, Subcommand};

use crate::client::{ConnectionArgs, Session};
use crate::failure::Failure;
use crate::output::Console;

/// Hosting on your own servers: users, sites and everything that belongs to them.
#[derive(Debug, Parser)]
#[command(name = "berth", version, arg_required_else_help = true, after_help = EXIT_STATUS)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,

    #[command(subcommand)]
    command: Command,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  Berth itself failed; the journal has the details
  2  the command line could not be understood
  3  a value was refused
  4  something of that name exists already, or the state forbids the change
  5  the object does not exist
  6  you may not do this
  7  a part of Berth can't be reached or is too busy
  8  the change is stored, but the node has not done it";

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Answer in JSON, also when something goes wrong
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Configuration file
    #[arg(long, global = true, env = "BERTH_CONFIG", value_name = "FILE", default_value = config::PATH)]
    pub(crate) config: PathBuf,

    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create, look at and change users
    #[command(subcommand)]
    User(user::UserCommand),
    /// Look at invitations, send them again and take them back
    #[command(subcommand)]
    Invitation(invitation::InvitationCommand),
    /// Look at the sessions of a user, and end them
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// Show and change the installation's settings
    #[command(subcommand)]
    Settings(settings::SettingsCommand),
    /// Let an administrator in again
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Create, look at and change hosting packages
    #[command(subcommand)]
    Package(package::PackageCommand),
    /// Add, change and remove the domains of a user
    #[command(subcommand)]
    Domain(domain::DomainCommand),
    /// See where the certificates of a user's sites stand, and order new ones
    #[command(subcommand)]
    Certificate(certificate::CertificateCommand),
    /// Add and remove the keys that open file transfer
    #[command(subcommand)]
    SshKey(ssh_key::SshKeyCommand),
    /// Show what a user may reach on the network, and let them reach more
    #[command(subcommand)]
    Egress(egress::EgressCommand),
    /// Add, change and run commands that run by a schedule
    #[command(subcommand)]
    Timer(timer::TimerCommand),
    /// Read the logs of a site
    Log(log::LogArgs),
    /// Switch file transfer on or off
    #[command(subcommand)]
    Sftp(sftp::SftpCommand),
    /// Look at servers, and have them look at themselves
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// Create and revoke keys for the API
    #[command(subcommand)]
    ApiKey(api_key::ApiKeyCommand),
    /// List what has happened
    #[command(subcommand)]
    Event(event::EventCommand),
    /// Have others told of what happens
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Read and verify the audit log
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Deal with left-over home directories
    #[command(subcommand)]
    Home(home::HomeCommand),
    /// Let clients of Installatron's API in
    #[command(subcommand)]
    Installatron(installatron::InstallatronCommand),
    /// Save database, keyring, certificates and configuration in one file
    Backup(backup::BackupArgs),
    /// Bring back what `berth backup` saved
    Restore(backup::RestoreArgs),
    /// Prepare this host after the installation of the package, and start the services
    Setup(setup::SetupArgs),
    /// Check this host and say how to mend what is wrong
    Doctor(doctor::DoctorArgs),
    /// Run the server: panel, API and database
    Serve,
    /// Run the agent that makes this host as it shall be
    Agent(agent::AgentArgs),
    /// Run the process that splits the web server's logs into those of the sites
    Logs,
    /// Print the completions for a shell
    Completions(completions::CompletionsArgs),
    /// Write the manual pages into a directory
    Man(man::ManArgs),
    /// Run a timer of the account that calls, once
    #[command(hide = true)]
    TimerRun(timer_run::TimerRunArgs),
    /// Parts of other commands
    #[command(subcommand, hide = true)]
    Internal(setup::InternalCommand),
}

impl Cli {
    /// Does what the command line says.
    pub(crate) fn run(self, console: Console) -> Result<(), Failure> {
        let Self { global, command } = self;
        match command {
            Command::User(command) => online(&global, console, async |session| command.run(session).await),
            Command::Invitation(command) => {
                online(&global, console, async |session| command.run(session).await)
            }
            Command::Session(command) => online(&global, console, async |session| command.run(session).await),
            Command::Settings(command) => {
                online(&global, console, async |session| command.run(session).await)
            }
            Command::Admin(command) => online(&global, console, async |session| command.run(session).await),
            Command::Package(command) => online(&global, console, async |session| command.run(session).await),
            Command::Domain(command) => online(&global, console, async |session| command.run(session).await),
            Command::Certificate(command) => {
                online(&global, console, async |session| command.run(session).await)
            }
            Command::Egress(command) => online(&global, console, async |session| command.run(session).await),
            Command::SshKey(command) => online(&global, console, async |session| command.run(session).await),
            Command::Timer(command) => online(&global, console, async |session| command.run(session).await),
            Command::Log(args) => online(&global, console, async |session| args.run(session).await),
            Command::Sftp(command) => online(&global, console, async |session| command.run(session).await),
            Command::Node(command) => online(&global, console, async |session| command.run(session).await),
            Command::ApiKey(command) => online(&global, console, async |session| command.run(session).await),
            Command::Audit(command) => online(&global, console, async |session| command.run(session).await),
            Command::Event(command) => online(&global, console, async |session| command.run(session).await),
            Command::Webhook(command) => online(&global, console, async |session| command.run(session).await),
            Command::Home(command) => online(&global, console, async |session| command.run(session).await),
            Command::Installatron(command) => {
                online(&global, console, async |session| command.run(session).await)
            }
            Command::Backup(args) => args.run(&global, console),
            Command::Restore(args) => args.run(&global, console),
            Command::Setup(args) => args.run(&global, console),
            Command::Doctor(args) => args.run(&global, console),
            Command::Serve => serve::run(&global),
            Command::Agent(args) => args.run(&global),
            Command::Logs => logs::run(),
            Command::Completions(args) => args.run(),
            Command::Man(args) => args.run(),
            Command::TimerRun(args) => args.run(),
            Command::Internal(command) => command.run(&global, console),
        }
    }
}

/// Runs a command that talks to the server.
fn online(
    global: &Global,
    console: Console,
    command: impl AsyncFnOnce(&Session) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let socket = operator_socket(&global.config)?;
    let session = global.connection.open(&socket, console)?;
    block_on(command(&session))
}

/// Drives a command to its end. One thread is enough for a client.
pub(crate) fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::local("cannot start", error))?
        .block_on(command)
}

/// The operator socket that the configuration names. Whoever may not read the configuration gets the standard
/// place, where the server says who may do what.
fn operator_socket(path: &Path) -> Result<PathBuf, Failure> {
    match Config::load(path) {
        Ok(config) => Ok(config.listen.operator),
        Err(ConfigError::Read { source, .. }) if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Ok(Config::default().listen.operator)
        }
        Err(error) => Err(configuration(&error)),
    }
}

/// Reads the configuration for a command that can't do without.
fn load(path: &Path) -> Result<Config, Failure> {
    Config::load(path).map_err(|error| configuration(&error))
}

fn configuration(error: &ConfigError) -> Failure {
    let mut detail = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        detail = format!("{detail}: {cause}");
    }
    Failure::usage(detail, "mend the file, or name another one with --config")
}

/// Runs a service to its end. The server and the agent work on every core.
fn service(running: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(running)
}

/// Why a service ended, with every cause.
fn failed(service: &str, error: &anyhow::Error) -> Failure {
    Failure::local(format!("berth {service}"), format!("{error:#}"))
}
