//! `berth agent`

use std::path::PathBuf;

use berth_agent::AgentConfig;
use berth_server::config::Config;
use clap::Args;

use super::{Global, failed, load, service};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// Converge into this directory instead of the host: every file as it would be, every command as it would run
    #[arg(long, value_name = "DIR")]
    render: Option<PathBuf>,
}

impl AgentArgs {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        berth_server::telemetry::init();
        let config = self.settings(load(&global.config)?);
        service(berth_agent::run(config)).map_err(|error| failed("agent", &error))
    }

    fn settings(self, config: Config) -> AgentConfig {
        let standard = AgentConfig::default();
        // An agent that writes into a directory keeps what it remembers there as well, so that it never takes
        // the memory of the host's own agent for its own.
        let ledger_dir = match &self.render {
            Some(dir) => dir.join("var/lib/berth/agent"),
            None => standard.ledger_dir.clone(),
        };
        AgentConfig {
            socket: config.listen.agent,
            extra_groups: config.account.extra_groups,
            ledger_dir,
            render: self.render,
            ..standard
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn an_agent_in_a_directory_remembers_there() {
        let mut config = Config::default();
        config.listen.agent = PathBuf::from("/s");
        config.account.extra_groups = vec!["www-data".to_owned()];
        let host = AgentArgs { render: None }.settings(config.clone());
        assert_eq!(host.ledger_dir, Path::new("/var/lib/berth/agent"));
        assert_eq!(host.socket, Path::new("/s"));
        assert_eq!(host.extra_groups, ["www-data"]);
        let tree = AgentArgs { render: Some(PathBuf::from("/t")) }.settings(config);
        assert_eq!(tree.ledger_dir, Path::new("/t/var/lib/berth/agent"));
        assert_eq!(tree.render.as_deref(), Some(Path::new("/t")));
    }
}
