//! `berth backup` and `berth restore`

use std::path::{Path, PathBuf};

use berth_core::layout::TLS_DIR;
use berth_core::{Code, Problem};
use clap::Args;

use super::{Global, block_on};
use crate::backup::{Restored, Saved, Target, restore, save};
use crate::failure::Failure;
use crate::output::Console;
use crate::setup;

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to write; only you may read it
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The file that `berth backup` wrote
    file: PathBuf,

    /// Give up the installation that is here
    #[arg(long)]
    replace: bool,

    /// Leave the services stopped
    #[arg(long)]
    no_start: bool,
}

impl BackupArgs {
    pub(crate) fn run(self, global: &Global, console: Console) -> Result<(), Failure> {
        block_on(async {
            let saved: Saved = save(&global.config, Path::new(TLS_DIR), &self.file).await?;
            console.answer(&saved, || {
                format!(
                    "{}: {} bytes, with {} certificates and keys of sites. It holds secrets: keep it safe.",
                    saved.file, saved.bytes, saved.site_files
                )
            });
            Ok(())
        })
    }
}

impl RestoreArgs {
    pub(crate) fn run(self, global: &Global, console: Console) -> Result<(), Failure> {
        let root = rustix::process::geteuid().is_root();
        let standard = global.config == Path::new(berth_server::config::PATH);
        let owner = if root && standard { Some(setup::service_user()?) } else { None };
        if owner.is_some() && setup::agent_is_running() {
            return Err(Problem::new(Code::PreconditionFailed, "the agent is running")
                .hint("stop it first: systemctl stop berth berth-agent")
                .into());
        }
        let agent = berth_agent::AgentConfig::default();
        let target = Target {
            config_file: &global.config,
            sites: Path::new(TLS_DIR),
            replace: self.replace,
            owner,
            ledger: owner.map(|_| agent.ledger_dir.as_path()),
        };
        let mut restored = None;
        block_on(async {
            restored = Some(restore(&self.file, &target).await?);
            Ok(())
        })?;
        let Some((restored, config)): Option<(Restored, _)> = restored else { return Ok(()) };
        console.answer(&restored, || {
            format!(
                "restored the state of {} (version {}): the database and {} files",
                restored.created_at, restored.version, restored.files
            )
        });
        if self.no_start || owner.is_none() {
            return Ok(());
        }
        setup::start_services(&config, true, console).map_err(Failure::after_answer)
    }
}
