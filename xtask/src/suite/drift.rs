//! Whatever somebody changes by hand on a node is put right by the next audit, and told.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Check;
use super::support::{Scratch, Tenant, add_key, berth, berth_json, items, key_pair, sftp, tenant, text};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("each kind of thing that is altered by hand is put right by the next audit, and told", matrix),
    ("a key that was put there by hand can be adopted and given up again", adopted),
];

/// Something that is done by hand to what Berth has made.
struct Tampering {
    /// What is done, as root; the first argument is a program.
    done: Vec<String>,
    /// The thing, as `berth node drift` names it.
    object: String,
    /// A command whose output is the same before and after.
    looked_at: Vec<String>,
}

fn tampering(done: &[&str], object: impl Into<String>, looked_at: &[&str]) -> Tampering {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Tampering { done: owned(done), object: object.into(), looked_at: owned(looked_at) }
}

fn tamperings(drifter: &Tenant, own: &str) -> Vec<Tampering> {
    let (name, uid) = (drifter.name.as_str(), drifter.uid);
    let home = format!("/home/{name}");
    let keys = format!("/etc/berth/keys/{name}");
    let pool = format!("/etc/berth/php/{uid}.conf");
    let link = format!("/var/lib/berth/www/{}", drifter.domain);
    let certificate = format!("/var/lib/berth/tls/{}.crt", drifter.domain);
    let block = format!("/etc/berth/nginx/sites/{own}.conf");
    let manager = format!("user@{uid}.service");
    let logs = format!("{}/logs", drifter.site());
    vec![
        tampering(
            &["usermod", "--shell", "/bin/bash", name],
            format!("entry of {name} in /etc/passwd"),
            &["getent", "passwd", name],
        ),
        tampering(
            &["usermod", "--password", "", name],
            format!("entry of {name} in /etc/shadow"),
            &["getent", "shadow", name],
        ),
        tampering(&["gpasswd", "--delete", name, "berth-sftp"], format!("groups of {name}"), &["id", name]),
        tampering(
            &["setfacl", "--remove-all", &home],
            home.clone(),
            &["getfacl", "--absolute-names", "--numeric", &home],
        ),
        tampering(
            &["chmod", "0777", &format!("{home}/domains")],
            format!("{home}/domains"),
            &["stat", "--format=%a %U %G", &format!("{home}/domains")],
        ),
        tampering(&["rmdir", &logs], logs.clone(), &["stat", "--format=%a %U %G", &logs]),
        tampering(&["rm", &keys], keys.clone(), &["cat", &keys]),
        tampering(
            &["sed", "--in-place", "s/^pm.max_children.*/pm.max_children = 99/", &pool],
            pool.clone(),
            &["cat", &pool],
        ),
        tampering(
            &["ln", "--force", "--no-dereference", "--symbolic", "/etc", &link],
            link.clone(),
            &["readlink", &link],
        ),
        tampering(&["rm", &certificate], certificate.clone(), &["stat", "--format=%a %U %G", &certificate]),
        tampering(
            &["sed", "--in-place", "s/server_name/# server_name/", &block],
            block.clone(),
            &["cat", &block],
        ),
        tampering(
            &["rm", &format!("/run/berth/fpm/{uid}.sock")],
            format!("/run/berth/fpm/{uid}.sock"),
            &["stat", "--format=%a %U %G", &format!("/run/berth/fpm/{uid}.sock")],
        ),
        tampering(
            &["loginctl", "disable-linger", name],
            manager,
            &["stat", "--format=%n", &format!("/var/lib/systemd/linger/{name}")],
        ),
        tampering(
            &["sh", "-c", "echo 'Match all' > /etc/ssh/sshd_config.d/50-berth.conf"],
            "/etc/ssh/sshd_config.d/50-berth.conf",
            &["cat", "/etc/ssh/sshd_config.d/50-berth.conf"],
        ),
        tampering(
            &["rm", "/etc/berth/nginx/nginx.conf"],
            "/etc/berth/nginx/nginx.conf",
            &["cat", "/etc/berth/nginx/nginx.conf"],
        ),
        tampering(
            &["systemctl", "stop", "nginx.service"],
            "nginx.service",
            &["systemctl", "is-active", "nginx.service"],
        ),
    ]
}

fn matrix(node: &Node) -> Result<()> {
    let drifter = tenant(node, "drifter")?;
    let scratch = Scratch::new("drift")?;
    let key = key_pair(&scratch)?;
    add_key(node, &drifter, &key)?;
    let own = "driftersown.com";
    let docroot = ["domain", "add", &drifter.name, own, "--docroot", "public_html/app", "--wait"];
    berth(node, &docroot)?.success()?;
    // Ours and somebody else's lie side by side.
    let foreign = "/etc/ssh/sshd_config.d/90-admins-own.conf";
    node.run(["sh", "-c", &format!("echo '# by hand' > {foreign}")])?;
    audit(node)?;

    let tamperings = tamperings(&drifter, own);
    let mut before = Vec::new();
    for one in &tamperings {
        before.push(node.run(&one.looked_at)?);
    }
    let known = drift(node)?.len();
    for one in &tamperings {
        node.exec(&one.done)?.success()?;
    }
    audit(node)?;
    let told = drift(node)?;
    for (one, before) in tamperings.iter().zip(&before) {
        let after = node.exec(&one.looked_at)?;
        ensure!(after.stdout == *before, "{:?} was not put right: {before:?} became {after:?}", one.done);
        let entry = told.iter().find(|entry| text(entry, "/object").is_ok_and(|object| object == one.object));
        let entry = entry
            .with_context(|| format!("{:?} was not told: no {:?} in {told:#?}", one.done, one.object))?;
        ensure!(entry.get("found") != entry.get("made"), "nothing is said of what had changed: {entry}");
        ensure!(!text(entry, "/evidence")?.is_empty(), "no evidence: {entry}");
    }
    ensure!(node.run(["cat", foreign])? == "# by hand\n", "somebody else's file was touched");
    node.run(["rm", foreign])?;
    let shadow = told.iter().map(Value::to_string).find(|entry| entry.contains("$y$"));
    ensure!(shadow.is_none(), "a password's hash is shown: {shadow:?}");
    ensure!(sftp(node, &drifter, Some(&key), "pwd\n")?.code == 0, "file transfer does not work any more");

    let count = drift(node)?.len();
    ensure!(count >= known + tamperings.len(), "only {count} were told, {known} of them before");
    audit(node)?;
    ensure!(drift(node)?.len() == count, "an audit with nothing to do tells something");
    Ok(())
}

fn adopted(node: &Node) -> Result<()> {
    let drifter = tenant(node, "drifter")?;
    let scratch = Scratch::new("adopted")?;
    let (known, by_hand) = (key_pair(&scratch)?, scratch.join("by-hand"));
    add_key(node, &drifter, &known)?;
    crate::process::Program::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "by-hand", "-f"])
        .arg(&by_hand)
        .output()?;
    let public = crate::files::read(&by_hand.with_extension("pub"))?;
    node.program(["tee", "--append", &format!("/etc/berth/keys/{}", drifter.name)]).input(public).output()?;
    audit(node)?;
    ensure!(
        sftp(node, &drifter, Some(&by_hand), "pwd\n")?.code != 0,
        "a key that nobody added opens a session"
    );
    let told = drift(node)?;
    let entry = told
        .iter()
        .find(|entry| {
            entry.get("adoptable") == Some(&Value::Bool(true)) && entry.to_string().contains("by-hand")
        })
        .context("the key was not told, or can't be adopted")?;
    let id = text(entry, "/id")?;
    berth(node, &["node", "drift", "adopt", id])?.success()?;
    berth(node, &["user", "conditions", &drifter.name, "--wait"])?.success()?;
    for key in [&known, &by_hand] {
        sftp(node, &drifter, Some(key), "pwd\n")?.success().context("a key does not open a session")?;
    }
    berth(node, &["node", "drift", "revert", id])?.success()?;
    berth(node, &["user", "conditions", &drifter.name, "--wait"])?.success()?;
    ensure!(
        sftp(node, &drifter, Some(&by_hand), "pwd\n")?.code != 0,
        "the key that was given up opens a session"
    );
    sftp(node, &drifter, Some(&known), "pwd\n")?.success()?;
    Ok(())
}

fn audit(node: &Node) -> Result<()> {
    berth(node, &["node", "audit", "--now", "--wait"])?.success().map(drop)
}

/// All that the node has told.
fn drift(node: &Node) -> Result<Vec<Value>> {
    items(&berth_json(node, &["node", "drift", "--all"])?).cloned()
}
