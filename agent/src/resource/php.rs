//! The PHP of an account: its pool's configuration and the socket that starts it.

use berth_core::condition::Resource;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem, layout};
use sha2::{Digest, Sha256};

use super::{AccountResource, Context, Converged, Failure, Observed};
use crate::host::{Attributes, Owner};
use crate::ledger::Marks;
use crate::nginx::server::make_dir;
use crate::php::{Activator, PoolState, Tenant, pool, program};

/// Note of the configuration that running processes have.
const MARK: &str = "php";
/// The master runs as the tenant and reads its configuration itself.
const CONFIG_MODE: u32 = 0o640;

/// PHP of accounts.
pub struct Php {
    activator: Activator,
}

impl Php {
    /// PHP that the activator starts.
    pub const fn new(activator: Activator) -> Self {
        Self { activator }
    }
}

impl AccountResource for Php {
    fn resource(&self) -> Resource {
        Resource::Php
    }

    fn needs(&self) -> &'static [Resource] {
        // PHP's sessions and uploads are kept in the home.
        &[Resource::Account, Resource::Home]
    }

    fn converge(&self, context: &Context<'_>, spec: &AccountSpec, marks: &mut Marks) -> Converged {
        let host = context.host;
        let config = layout::php_config(spec.uid);
        let Some(children) = pool::children(spec) else {
            // Disposing asks the service manager, which a pass with nothing to do must not. The note goes last,
            // so as long as anything may be left, one of these is there.
            let left = marks.get(MARK).is_some()
                || host.entry(&config)?.is_some()
                || host.entry(&layout::php_socket(spec.uid))?.is_some();
            if left {
                self.activator.dispose(spec.uid)?;
                host.remove_file(&config)?;
                marks.clear(MARK);
            }
            return Ok(Observed::new().with("state", "off").with("children", 0));
        };
        let program = program::find(host)?;
        for dir in [layout::PHP_CONFIG_DIR, layout::PHP_SOCKET_DIR] {
            make_dir(host, dir)?;
        }
        let text = pool::render(spec, children);
        let wanted = Attributes::plain(Owner::root_with(spec.uid.get()), CONFIG_MODE);
        let in_place =
            host.entry(&config)?.is_some_and(|entry| entry.is_file() && entry.attributes == wanted)
                && host.read(&config)?.as_deref() == Some(text.as_bytes());
        if !in_place {
            host.replace_file(&config, text.as_bytes(), wanted.owner, wanted.mode)?;
        }
        let socket = layout::php_socket(spec.uid);
        if host.entry(&socket)?.is_none() {
            // The activator binds it anew; it has a host of its own, which notes nothing.
            context.changed(Some(spec.account), socket, None, Some("socket".to_owned()));
        }
        let tenant = Tenant::account(spec.uid, &spec.username);
        let state = self.activator.ensure(&tenant, context.ids.web_gid)?;
        // What runs was started with another configuration: it serves what it has begun, then a new one starts.
        let fingerprint =
            hex::encode(Sha256::digest(format!("{program}\n{:?}\n{text}", pool::START_SETTINGS)));
        if marks.get(MARK) != Some(&fingerprint) {
            if marks.get(MARK).is_some() {
                self.activator.restart(spec.uid);
            } else {
                self.activator.warm(spec.uid);
            }
            marks.set(MARK, fingerprint);
        }
        let state = match state {
            PoolState::Idle => "idle",
            PoolState::Running => "running",
            PoolState::Failing(problem) => {
                return Err(Failure::Failed(
                    Problem::new(Code::PhpFailed, format!("PHP of {} fails: {problem}", spec.username)).hint(
                        format!(
                            "see `journalctl -u {}` on the node; it is tried again",
                            layout::php_unit(spec.uid)
                        ),
                    ),
                ));
            }
        };
        let program = program.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Observed::new()
            .with("state", state)
            .with("children", children)
            .with("program", program)
            .with("socket", layout::php_socket(spec.uid)))
    }
}
