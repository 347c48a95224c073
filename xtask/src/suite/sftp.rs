//! File transfer: with a key and nothing else, jailed, over at once when the key goes.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Check;
use super::support::{
    Scratch, Tenant, add_key, berth, key_pair, must_not_contain, sftp, site, ssh_client, tenant,
};
use crate::files;
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("with a key a file is uploaded, in a jail, and served", upload_is_served),
    ("without a key, with a password, or for a shell: refused", refused_otherwise),
    ("no forwarding goes through file transfer", no_forwarding),
    ("a user's own modes hide only what they name, and don't lock the user out", own_modes),
    ("when the key is removed the open session ends", removed_key_ends_session),
    ("switching file transfer off ends sessions and refuses new ones", switched_off),
];

/// Uploads a file, has it served, and tries to leave the jail.
pub(crate) fn upload_is_served(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let scratch = Scratch::new("upload")?;
    let key = key_pair(&scratch)?;
    add_key(node, &alice, &key)?;
    let local = scratch.join("hello.txt");
    files::write(&local, "hello by file transfer")?;
    let put = format!("put {} domains/{}/public_html/hello.txt\n", local.display(), alice.domain);
    sftp(node, &alice, Some(&key), &put)?.success()?;
    let answer = site(node, &alice.domain, "/hello.txt")?;
    ensure!(
        answer.status == 200 && answer.body == "hello by file transfer",
        "the file is not served: {answer:?}"
    );
    let listed = sftp(node, &alice, Some(&key), "pwd\nls -1 /\n")?.success()?;
    ensure!(listed.contains("/domains"), "the jail's root shows {listed}");
    ensure!(!listed.contains("etc"), "the session is not jailed: {listed}");
    for command in ["get /etc/passwd", "ls /home", "ls /../../etc", "rm /domains"] {
        let tried = sftp(node, &alice, Some(&key), &format!("{command}\n"))?;
        ensure!(tried.code != 0, "`{command}` worked: {}", tried.stdout);
    }
    Ok(())
}

fn refused_otherwise(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let scratch = Scratch::new("refused")?;
    let key = key_pair(&scratch)?;
    // A key that nobody added is no key.
    ensure!(sftp(node, &alice, Some(&key), "pwd\n")?.code != 0, "a foreign key opens a session");
    ensure!(sftp(node, &alice, None, "pwd\n")?.code != 0, "no key is needed");
    let asked = ssh_client("ssh", None)
        .args(["-v", "-o", "PreferredAuthentications=none", "-o", "LogLevel=DEBUG1"])
        .arg(format!("{}@{}", alice.name, node.address()))
        .outcome()?;
    let offered = asked
        .stderr
        .lines()
        .find(|line| line.contains("Authentications that can continue"))
        .unwrap_or_default();
    ensure!(
        offered.trim().ends_with("continue: publickey"),
        "the server offers more than keys: {offered:?}, {}",
        asked.stderr
    );

    add_key(node, &alice, &key)?;
    ensure!(sftp(node, &alice, Some(&key), "pwd\n")?.code == 0, "the added key does not work");
    let shell = ssh_client("ssh", Some(&key))
        .arg(format!("{}@{}", alice.name, node.address()))
        .args(["echo", "shell-of-alice"])
        .outcome()?;
    ensure!(shell.code != 0 && !shell.stdout.contains("shell-of-alice"), "she got a shell: {shell:?}");
    Ok(())
}

fn no_forwarding(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let scratch = Scratch::new("forward")?;
    let key = key_pair(&scratch)?;
    add_key(node, &alice, &key)?;
    // Standard input and output of the client become the forwarded connection.
    let tried = ssh_client("ssh", Some(&key))
        .args(["-W", "127.0.0.1:80"])
        .arg(format!("{}@{}", alice.name, node.address()))
        .input("GET / HTTP/1.0\r\n\r\n")
        .outcome()?;
    ensure!(tried.code != 0 && !tried.stdout.contains("HTTP/"), "a connection was forwarded: {tried:?}");
    Ok(())
}

fn own_modes(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let scratch = Scratch::new("modes")?;
    let key = key_pair(&scratch)?;
    add_key(node, &alice, &key)?;
    let local = scratch.join("file.txt");
    files::write(&local, "modes")?;
    let public = format!("domains/{}/public_html", alice.domain);
    let local = local.display();
    let commands = format!(
        "ls /\nmkdir {public}/closed\nput {local} {public}/closed/a.txt\nput {local} {public}/open.txt\n\
         put {local} {public}/sealed.txt\nchmod 600 {public}/sealed.txt\nchmod 700 {public}/closed\n"
    );
    sftp(node, &alice, Some(&key), &commands)?.success()?;
    let again = sftp(node, &alice, Some(&key), &format!("ls {public}/closed\n"))?.success()?;
    ensure!(again.contains("a.txt"), "her own directory is closed to her: {again}");
    let open = site(node, &alice.domain, "/open.txt")?;
    ensure!(open.status == 200 && open.body == "modes", "what is open is answered with {open:?}");
    for path in ["/sealed.txt", "/closed/a.txt"] {
        let answer = site(node, &alice.domain, path)?;
        ensure!(answer.status < 500, "{path} is answered with {}", answer.status);
        // What the web server can't read is for the site's own front page to answer.
        must_not_contain(&answer.body, "modes", path)?;
    }
    Ok(())
}

/// A session that stays open until the server ends it.
fn open_session(node: &Node, tenant: &Tenant, key: &std::path::Path) -> Result<crate::process::Running> {
    let mut session = ssh_client("ssh", Some(key))
        .arg(format!("{}@{}", tenant.name, node.address()))
        .args(["-s", "sftp"])
        .open_input()
        .within(Duration::from_mins(10))
        .start()?;
    node.wait_for("the session", Duration::from_secs(15), |node| {
        let sessions = node.run(["loginctl", "list-sessions", "--no-legend"])?;
        Ok(sessions.lines().any(|line| line.contains(&tenant.name) && line.contains(" user ")))
    })?;
    ensure!(!session.ended(), "the session ended by itself");
    Ok(session)
}

fn removed_key_ends_session(node: &Node) -> Result<()> {
    let carol = tenant(node, "carol")?;
    let scratch = Scratch::new("removed")?;
    let key = key_pair(&scratch)?;
    let id = add_key(node, &carol, &key)?;
    let mut session = open_session(node, &carol, &key)?;
    berth(node, &["ssh-key", "remove", "carol", &id])?.success()?;
    node.wait_for("the session's end", Duration::from_secs(75), |_| Ok(session.ended()))?;
    ensure!(sftp(node, &carol, Some(&key), "pwd\n")?.code != 0, "the removed key still works");
    Ok(())
}

fn switched_off(node: &Node) -> Result<()> {
    let carol = tenant(node, "carol")?;
    let scratch = Scratch::new("switched")?;
    let key = key_pair(&scratch)?;
    add_key(node, &carol, &key)?;
    let mut session = open_session(node, &carol, &key)?;
    berth(node, &["sftp", "off", "carol"])?.success()?;
    node.wait_for("the session's end", Duration::from_secs(75), |_| Ok(session.ended()))?;
    ensure!(sftp(node, &carol, Some(&key), "pwd\n")?.code != 0, "file transfer goes on");
    berth(node, &["sftp", "on", "carol"])?.success()?;
    node.wait_for("file transfer", Duration::from_secs(75), |node| {
        Ok(sftp(node, &carol, Some(&key), "pwd\n")?.code == 0)
    })?;
    Ok(())
}
