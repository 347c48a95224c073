//! Bringing nginx's configuration to life.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use berth_core::layout::{LOG_DIR, SITES_DIR};
use berth_core::{Code, Problem};
use sha2::{Digest, Sha256};

use super::candidate::{self, Files, Refusal};
use super::config::{self, Blocks};
use super::workers::{self, Turnover, Worker};
use super::{
    CANDIDATE_DIR, CANDIDATE_MAIN, CANDIDATE_SITES, DIR, DROP_IN, DROP_IN_DIR, LOCAL_DIR, MAIN, SCRATCH_DIR,
    UNIT,
};
use crate::host::{Acl, Attributes, Host, HostError, Owner, Program, Result};
use crate::resource::Context;

/// Note of the configuration that nginx was brought to life with.
const MARK: &str = "nginx";
/// How long nginx may take to put new workers to work and to have the old ones stop accepting.
const RELOAD_PATIENCE: Duration = Duration::from_secs(15);
const DIRS: [&str; 6] = [DIR, LOCAL_DIR, SITES_DIR, CANDIDATE_DIR, CANDIDATE_SITES, SCRATCH_DIR];

/// The web server as this agent knows it.
#[derive(Default)]
pub struct WebServer(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// What the last pass wanted and what came of it. A pass that wants the same has nothing to do.
    last: Option<(Files, WebState)>,
    /// Blocks that nginx refused, as they were, so that it is not asked about them again and again.
    refused: BTreeMap<String, String>,
    /// The configuration of the last reload, and the workers that did not heed it in time.
    leaving: Option<(String, Vec<Worker>)>,
}

/// How the web server is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebState {
    /// Server blocks that were left out, with nginx's words.
    pub rejected: BTreeMap<String, String>,
    /// What keeps the whole from being as it shall be.
    pub problem: Option<Problem>,
}

/// Whether IPv6 is there to listen on.
pub fn has_ipv6(host: &dyn Host) -> Result<bool> {
    Ok(host.entry("/proc/sys/net/ipv6")?.is_some())
}

impl WebServer {
    /// Makes nginx serve the host tree and these server blocks, as far as it accepts them. An audit looks at
    /// the host itself; any other pass compares with what the last one left. Of blocks in `again` nginx is asked
    /// once more even if it has refused them: what it missed may have been mended outside of them.
    pub fn converge(
        &self,
        context: &Context<'_>,
        blocks: &Files,
        again: &BTreeSet<String>,
        audit: bool,
    ) -> WebState {
        let mut known = self.known();
        let before = known.refused.len();
        known.refused.retain(|name, _| !again.contains(name));
        if !audit
            && known.refused.len() == before
            && let Some((wanted, state)) = &known.last
            && wanted == blocks
            && state.problem.is_none()
        {
            return state.clone();
        }
        if audit {
            known.refused.clear();
        }
        let state = match apply(context, blocks, &mut known) {
            Ok(state) => state,
            Err(error) => WebState { rejected: BTreeMap::new(), problem: Some(failed(error.to_string())) },
        };
        known.last = Some((blocks.clone(), state.clone()));
        state
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(detail: impl Into<String>) -> Problem {
    Problem::new(Code::WebServerFailed, detail)
        .hint("see `nginx -t -c /etc/berth/nginx/nginx.conf` and `journalctl -u nginx` on the node")
}

fn apply(context: &Context<'_>, blocks: &Files, known: &mut Known) -> Result<WebState> {
    let host = context.host;
    for dir in DIRS {
        make_dir(host, dir)?;
    }
    log_dir(context)?;
    let ipv6 = has_ipv6(host)?;
    let wanted = config::main(ipv6, Blocks::Live, context.acme);
    let live = Live::read(host)?;
    let (known_bad, untried): (Files, Files) = blocks
        .iter()
        .map(|(name, text)| (name.clone(), text.clone()))
        .partition(|(name, text)| live.refused_before(known, name, text));
    let mut state = WebState::default();
    for name in known_bad.keys() {
        let words = known.last.as_ref().and_then(|(_, last)| last.rejected.get(name)).cloned();
        state.rejected.insert(name.clone(), words.unwrap_or_default());
    }
    let mut next = Live { main: Some(wanted.into_bytes()), blocks: untried };
    if next != live {
        let verdict = match candidate::sort(&next.blocks, |files| ask(context, ipv6, files)) {
            Ok(verdict) => verdict,
            Err(Refusal::Unasked(error)) => return Err(error),
            Err(Refusal::Whole(words)) => {
                state.problem = Some(failed(format!("nginx refuses the configuration: {words}")));
                return Ok(state);
            }
        };
        for (name, words) in verdict.rejected {
            known.refused.insert(name.clone(), next.blocks.get(&name).cloned().unwrap_or_default());
            state.rejected.insert(name, words);
        }
        next.blocks = verdict.accepted;
    }
    next.write(host, &live)?;
    // An agent that was killed between writing and reloading finds no difference, but no note either.
    let fingerprint = next.fingerprint();
    let change = match &known.leaving {
        _ if context.node_mark(MARK).as_ref() == Some(&fingerprint) => Change::None,
        Some((reloaded, workers)) if *reloaded == fingerprint => Change::UnderWay(workers),
        _ => Change::New,
    };
    match bring_to_life(host, &change) {
        Ok(Turnover::Complete) => {
            known.leaving = None;
            context.set_node_mark(MARK, fingerprint);
        }
        Ok(Turnover::Slow(old)) => {
            let why = format!("{} of its workers still have the former configuration", old.len());
            state.problem = Some(failed(HostError::because("reload", UNIT, why).to_string()));
            known.leaving = Some((fingerprint, old));
        }
        Err(error) => {
            known.leaving = None;
            state.problem = Some(failed(error.to_string()));
            if next != live {
                live.write(host, &next)?;
                // The old configuration may still be in use; if not, this puts it back.
                if let Err(again) = host.systemd().reload_unit(UNIT) {
                    tracing::error!(error = %again, "nginx can't be reloaded with its last configuration");
                }
            }
        }
    }
    Ok(state)
}

/// The logs of all sites are nobody's business but of the process that splits them.
fn log_dir(context: &Context<'_>) -> Result<()> {
    let mut wanted = Attributes::plain(Owner::root_with(context.ids.log_gid), 0o750);
    // After a rotation each worker opens the new file itself.
    wanted.acl = Acl::passage([context.ids.web_uid]);
    match context.host.entry(LOG_DIR)? {
        Some(found) if found.attributes == wanted => Ok(()),
        Some(_) => context.host.set_attributes(LOG_DIR, &wanted),
        None => context.host.make_dir(LOG_DIR, &wanted, &[]),
    }
}

/// What is in the files that nginx reads.
#[derive(PartialEq, Eq)]
struct Live {
    main: Option<Vec<u8>>,
    blocks: Files,
}

impl Live {
    fn read(host: &dyn Host) -> Result<Self> {
        let mut blocks = Files::new();
        for name in host.list(SITES_DIR)? {
            let bytes = host.read(&format!("{SITES_DIR}/{name}"))?.unwrap_or_default();
            // What is no text is none of ours and is replaced or removed.
            blocks.insert(name, String::from_utf8(bytes).unwrap_or_default());
        }
        Ok(Self { main: host.read(MAIN)?, blocks })
    }

    fn refused_before(&self, known: &Known, name: &str, text: &str) -> bool {
        !self.blocks.contains_key(name) && known.refused.get(name).is_some_and(|refused| refused == text)
    }

    fn fingerprint(&self) -> String {
        let mut digest = Sha256::new();
        let texts = self.blocks.iter().flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()]);
        for part in texts.chain(self.main.as_deref()) {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        hex::encode(digest.finalize())
    }

    /// Writes the files that differ from those that are there.
    fn write(&self, host: &dyn Host, there: &Self) -> Result<()> {
        sync(host, SITES_DIR, &self.blocks, &there.blocks)?;
        match &self.main {
            Some(main) if self.main != there.main => host.replace_file(MAIN, main, Owner::ROOT, 0o644),
            _ => Ok(()),
        }
    }
}

/// Makes a directory hold just these files, given what it holds.
fn sync(host: &dyn Host, dir: &str, wanted: &Files, there: &Files) -> Result<()> {
    for (name, text) in wanted {
        if there.get(name) != Some(text) {
            host.replace_file(&format!("{dir}/{name}"), text.as_bytes(), Owner::ROOT, 0o644)?;
        }
    }
    for name in there.keys().filter(|name| !wanted.contains_key(*name)) {
        host.remove_file(&format!("{dir}/{name}"))?;
    }
    Ok(())
}

/// Asks nginx about a set of blocks; gives its words if it refuses.
fn ask(context: &Context<'_>, ipv6: bool, blocks: &Files) -> Result<Option<String>> {
    let host = context.host;
    let mut there = Files::new();
    for name in host.list(CANDIDATE_SITES)? {
        let bytes = host.read(&format!("{CANDIDATE_SITES}/{name}"))?.unwrap_or_default();
        there.insert(name, String::from_utf8(bytes).unwrap_or_default());
    }
    sync(host, CANDIDATE_SITES, blocks, &there)?;
    let main = config::main(ipv6, Blocks::Candidate, context.acme);
    if host.read(CANDIDATE_MAIN)?.as_deref() != Some(main.as_bytes()) {
        host.replace_file(CANDIDATE_MAIN, main.as_bytes(), Owner::ROOT, 0o644)?;
    }
    let answer = host.run(Program::NginxTest)?;
    Ok(if answer.success { None } else { Some(answer.said) })
}

/// What nginx has to be told about its configuration.
enum Change<'a> {
    /// It has it.
    None,
    /// It differs from what nginx has.
    New,
    /// nginx has it, but these workers went on with the former one.
    UnderWay(&'a [Worker]),
}

/// Sees to it that nginx runs, with our configuration, and with its newest state if that has changed.
fn bring_to_life(host: &dyn Host, change: &Change<'_>) -> Result<Turnover> {
    let systemd = host.systemd();
    let drop_in = config::drop_in();
    let mut restart = false;
    if host.read(DROP_IN)?.as_deref() != Some(drop_in.as_bytes()) {
        make_dir(host, DROP_IN_DIR)?;
        host.replace_file(DROP_IN, drop_in.as_bytes(), Owner::ROOT, 0o644)?;
        systemd.daemon_reload()?;
        restart = true;
    }
    let active = systemd.unit_state(UNIT)?.is_some_and(|state| state == "active" || state == "reloading");
    if restart || !active || !workers::use_ours(host)? {
        systemd.restart_unit(UNIT)?;
        return Ok(Turnover::Complete);
    }
    match change {
        Change::None => Ok(Turnover::Complete),
        Change::New => {
            let before = workers::accepting(host)?;
            systemd.reload_unit(UNIT)?;
            workers::await_turnover(host, &before, RELOAD_PATIENCE)
        }
        // Reloading once more would only add workers.
        Change::UnderWay(old) => workers::await_turnover(host, old, Duration::ZERO),
    }
}

/// Makes a directory of root's, with its parents, if it is not there.
pub(crate) fn make_dir(host: &dyn Host, path: &str) -> Result<()> {
    // Accounts converge beside each other, and need the same directories.
    static ALONE: Mutex<()> = Mutex::new(());
    if host.entry(path)?.is_some() {
        return Ok(());
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let above = path.match_indices('/').map(|(end, _)| path.get(..end).unwrap_or_default());
    for dir in above.filter(|dir| !dir.is_empty()).chain([path]) {
        if host.entry(dir)?.is_none() {
            host.make_dir(dir, &Attributes::plain(Owner::ROOT, 0o755), &[])?;
        }
    }
    Ok(())
}
