//! Booting an instance and stopping it.
//!
//! An instance is an overlay over the image and a btrfs of its own for `/home`. Both are mounted in
//! a mount namespace that only the container's supervisor lives in: when the last process of the
//! node is gone, however it ended, the kernel takes the mounts and the loop device back.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::state::{Instance, Machine, Process};
use super::{exec, network, state};
use crate::process::{self, Program};
use crate::progress::{Step, already};
use crate::{files, paths};

/// How large the file behind `/home` may grow; it is sparse.
const HOME_BYTES: u64 = 20 << 30;

/// What keeps this machine from booting a node; empty if nothing does.
pub(crate) fn obstacles() -> Vec<String> {
    let mut missing = Vec::new();
    if !paths::is_root() {
        missing.push("root: a node needs mounts, a network namespace and a container".to_owned());
        return missing;
    }
    for program in ["systemd-nspawn", "debootstrap", "mkfs.btrfs", "ip", "unshare", "nsenter"] {
        if !process::installed(program) {
            missing.push(format!("the program {program}"));
        }
    }
    let kernel = files::read(Path::new("/proc/filesystems")).unwrap_or_default();
    for kind in ["overlay", "btrfs", "cgroup2"] {
        let known = kernel.lines().any(|line| line.split_whitespace().last() == Some(kind));
        // A kernel with modules lists a file system only after its first use.
        let loadable = || Program::new("modprobe").arg(kind).outcome().is_ok_and(|done| done.code == 0);
        if !known && !loadable() {
            missing.push(format!("the file system {kind} in this kernel"));
        }
    }
    if missing.is_empty() {
        let tried = Program::new("unshare")
            .args(["--mount", "--net", "--pid", "--cgroup", "--fork", "true"])
            .outcome();
        match tried {
            Ok(done) if done.code == 0 => {}
            Ok(done) => missing.push(format!("namespaces: {}", done.stderr.trim())),
            Err(error) => missing.push(format!("namespaces: {error:#}")),
        }
    }
    missing
}

/// Boots the instance of this name, making it if there is none.
pub(crate) fn up(name: &str, image: &Path) -> Result<Instance> {
    let _lock = state::lock(name)?;
    let mut instance = match Instance::load(name)? {
        Some(instance) => instance,
        None => Instance::create(name, image, Machine::Container)?,
    };
    if instance.machine != Machine::Container {
        bail!(
            "{name} is a virtual machine of the VM suite; `cargo xtask down --remove --name {name}` removes it"
        );
    }
    if instance.is_running() {
        already(&format!("node {name} is running"));
        return Ok(instance);
    }
    if !instance.image.exists() {
        bail!("node {name} was made from an image that is gone; `cargo xtask up --fresh` makes it anew");
    }
    let step = Step::start(format!("booting node {name}"));
    prepare(&instance)?;
    network::create(&instance)?;
    let mut child = Program::new("setsid")
        .args(["unshare", "--mount", "--propagation", "private"])
        // The supervisor is this very program, whatever becomes of its file meanwhile.
        .arg(format!("/proc/{}/exe", std::process::id()))
        .args(["node", "supervise", "--name", name])
        .env("BERTH_XTASK_CACHE", paths::cache())
        .detach(&instance.console())?;
    instance.supervisor = Process::find(child.id());
    let since = Instant::now();
    let leader = loop {
        if let Some(leader) = find_leader(child.id()) {
            break leader;
        }
        if let Some(status) = child.try_wait().context("cannot look after the container")? {
            let said = files::read(&instance.console()).unwrap_or_default();
            bail!("the container ended at once with {status}: {}", said.trim());
        }
        if since.elapsed() > Duration::from_secs(30) {
            bail!("no system came up; see {}", instance.console().display());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    instance.leader = Some(leader);
    instance.save()?;
    wait_until_booted(&instance)?;
    step.done();
    Ok(instance)
}

fn prepare(instance: &Instance) -> Result<()> {
    let dir = instance.dir();
    for part in ["upper", "work", "root", "home"] {
        files::make_dir(&dir.join(part))?;
    }
    let disk = dir.join("home.img");
    if disk.exists() {
        return Ok(());
    }
    let unfinished = dir.join("home.img.new");
    let file =
        File::create(&unfinished).with_context(|| format!("cannot create {}", unfinished.display()))?;
    file.set_len(HOME_BYTES).with_context(|| format!("cannot grow {}", unfinished.display()))?;
    Program::new("mkfs.btrfs").arg("-q").arg(&unfinished).output()?;
    std::fs::rename(&unfinished, &disk).with_context(|| format!("cannot rename {}", unfinished.display()))
}

/// What the container's supervisor does in its own mount namespace before it becomes the container.
pub(crate) fn supervise(name: &str) -> Result<anyhow::Error> {
    let instance = Instance::load(name)?.with_context(|| format!("there is no node {name}"))?;
    let dir = instance.dir();
    let (root, home) = (dir.join("root"), dir.join("home"));
    let layers = format!(
        "lowerdir={},upperdir={},workdir={}",
        instance.image.display(),
        dir.join("upper").display(),
        dir.join("work").display()
    );
    Program::new("mount").args(["-t", "overlay", "overlay", "-o", &layers]).arg(&root).output()?;
    Program::new("mount")
        .args(["-t", "btrfs", "-o", "loop"])
        .arg(dir.join("home.img"))
        .arg(&home)
        .output()?;
    enable_quotas(&root, &home)?;
    // systemd in the node refuses the old control-group hierarchies, and the container manager
    // passes on what it finds. In this mount namespace there is only the new one.
    let groups = Path::new("/sys/fs/cgroup");
    Program::new("mount").args(["-t", "cgroup2", "cgroup2"]).arg(groups).output()?;
    let group = groups.join(group_name(&instance));
    files::make_dir(&group)?;
    exec::join(&group)?;

    let bind = format!("{}:/home", home.display());
    let space = network::namespace_path(instance.number);
    Ok(Program::new("systemd-nspawn")
        .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
        .arg("--quiet")
        .arg("--boot")
        .arg(format!("--directory={}", root.display()))
        .arg(format!("--machine=berth-{name}"))
        .arg(format!("--hostname={}", instance.hostname()))
        // Neither a machine manager nor a systemd that could give us a unit need be there.
        .args(["--register=no", "--keep-unit"])
        .arg(format!("--network-namespace-path={}", space.display()))
        .arg(format!("--bind={bind}"))
        .args(["--resolv-conf=off", "--timezone=off", "--link-journal=no"])
        .args(["--console=read-only", "--kill-signal=SIGRTMIN+4"])
        .arg("--capability=CAP_NET_ADMIN")
        .replace())
}

/// Switches quotas on: simple ones, which this machine's tools may not know, with those of the node; where the
/// kernel does not have them, full ones.
fn enable_quotas(root: &Path, home: &Path) -> Result<()> {
    let inside = root.join("home");
    Program::new("mount").arg("--bind").arg(home).arg(&inside).output()?;
    let enable = |more: &[&str]| {
        Program::new("chroot").arg(root).args(["/usr/bin/btrfs", "quota", "enable"]).args(more).arg("/home")
    };
    let simple = enable(&["--simple"]).outcome()?;
    if simple.code != 0 {
        // The kernel has no simple quotas, or it is a file system that has full ones already.
        enable(&[]).output()?;
    }
    Program::new("umount").arg(&inside).output()?;
    Ok(())
}

fn group_name(instance: &Instance) -> String {
    format!("berth-node{}", instance.number)
}

/// The process below `parent` that is number one of a namespace of its own.
fn find_leader(parent: u32) -> Option<Process> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
        let status = std::fs::read_to_string(format!("/proc/{child}/status")).ok()?;
        let field = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
        };
        let inner = field("NSpid:");
        let first = inner.split_whitespace().count() > 1 && inner.ends_with("\t1");
        if first && field("Name:") == "systemd" {
            return Process::find(child);
        }
        if let Some(found) = find_leader(child) {
            return Some(found);
        }
    }
    None
}

fn wait_until_booted(instance: &Instance) -> Result<()> {
    let since = Instant::now();
    let mut last = String::new();
    while since.elapsed() < Duration::from_mins(2) {
        if !instance.is_running() {
            bail!("the node stopped while booting; see {}", instance.console().display());
        }
        let asked = Program::new("/proc/self/exe")
            .args(["node", "exec", "--name", instance.name(), "--"])
            .args(["systemctl", "is-system-running"])
            .within(Duration::from_secs(20))
            .outcome()?;
        asked.stdout.trim().clone_into(&mut last);
        if last == "running" || last == "degraded" {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("the node did not finish booting within two minutes: {last}");
}

/// Stops the instance of this name; says whether it was running.
pub(crate) fn down(name: &str) -> Result<bool> {
    let _lock = state::lock(name)?;
    let Some(mut instance) = Instance::load(name)? else {
        return Ok(false);
    };
    stop(&mut instance)
}

/// Stops the instance of this name and removes everything of it.
pub(crate) fn remove(name: &str) -> Result<()> {
    let _lock = state::lock(name)?;
    let Some(mut instance) = Instance::load(name)? else {
        return Ok(());
    };
    stop(&mut instance)?;
    files::remove_dir(&instance.dir())
}

fn stop(instance: &mut Instance) -> Result<bool> {
    let was_running = instance.is_running();
    let processes: Vec<Process> = [instance.supervisor, instance.leader].into_iter().flatten().collect();
    let gone = || !processes.iter().any(|process| process.alive());
    if let Some(supervisor) = instance.supervisor.filter(|process| process.alive()) {
        let step = Step::start(format!("stopping node {}", instance.name()));
        signal("TERM", supervisor)?;
        if !wait(Duration::from_secs(30), gone) {
            for process in &processes {
                if process.alive() {
                    signal("KILL", *process)?;
                }
            }
            if !wait(Duration::from_secs(10), gone) {
                bail!("node {} could not be stopped", instance.name());
            }
        }
        step.done();
    }
    network::remove(instance.number)?;
    remove_groups(&group_name(instance));
    instance.supervisor = None;
    instance.leader = None;
    instance.save()?;
    Ok(was_running)
}

fn signal(name: &str, process: Process) -> Result<()> {
    Program::new("kill").args(["-s", name, &process.id.to_string()]).output()?;
    Ok(())
}

fn wait(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    while since.elapsed() < limit {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    done()
}

/// Removes the node's empty control groups wherever the host has the hierarchy mounted.
fn remove_groups(name: &str) {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (path, kind) = (fields.next()?, fields.next()?);
        (kind == "cgroup2").then_some(path)
    });
    for path in mounted {
        remove_group(&Path::new(path).join(name));
    }
}

fn remove_group(group: &Path) {
    let Ok(entries) = std::fs::read_dir(group) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_group(&entry.path());
        }
    }
    // A group that still holds a process stays; the next stop removes it.
    let _ = std::fs::remove_dir(group);
}
