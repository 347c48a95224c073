//! Sites with settings of their own: a server block each, and one that is broken concerns nobody else.

use anyhow::{Context, Result, ensure};

use super::Check;
use super::support::{Tenant, berth, site, tenant, write_as};
use crate::node::Node;
use crate::process::Outcome;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("right after a wait for a server block no request is answered with the former one", no_former_worker),
    ("a broken server block is left out with nginx's words, others go live, and it heals", broken_block),
];

/// A directory below the document root, with a page that says its name.
fn page(node: &Node, tenant: &Tenant, name: &str) -> Result<()> {
    let dir = format!("{}/{name}", tenant.public());
    let uid = tenant.uid.to_string();
    node.run(["install", "-d", "-o", &uid, "-g", &uid, &dir])?;
    write_as(node, tenant, &format!("{dir}/page.txt"), name)
}

/// Gives the site another document root and waits for it.
fn move_root(node: &Node, tenant: &Tenant, name: &str) -> Result<Outcome> {
    let root = format!("public_html/{name}");
    berth(node, &["domain", "edit", &tenant.name, &tenant.domain, "--docroot", &root, "--wait"])
}

fn no_former_worker(node: &Node) -> Result<()> {
    let gina = tenant(node, "gina")?;
    for name in ["left", "right"] {
        page(node, &gina, name)?;
    }
    for turn in 0..6 {
        let name = if turn % 2 == 0 { "left" } else { "right" };
        move_root(node, &gina, name)?.success()?;
        for request in 0..40 {
            let answer = site(node, &gina.domain, "/page.txt")?;
            ensure!(answer.body == name, "turn {turn}: request {request} is answered with {answer:?}");
        }
    }
    Ok(())
}

fn broken_block(node: &Node) -> Result<()> {
    let (hugo, ines) = (tenant(node, "hugo")?, tenant(node, "ines")?);
    page(node, &hugo, "web")?;
    page(node, &ines, "web")?;
    let certificate = format!("/var/lib/berth/tls/{}.crt", hugo.domain);
    node.write(&certificate, b"-----BEGIN CERTIFICATE-----\ndamaged\n-----END CERTIFICATE-----\n")?;
    let refused = move_root(node, &hugo, "web")?;
    ensure!(refused.code == 8, "with a damaged certificate --wait ends with {refused:?}");
    let said = format!("{}{}", refused.stdout, refused.stderr);
    ensure!(said.contains("site failed"), "it does not say that the site failed: {said}");
    for words in ["cannot load certificate", &certificate] {
        ensure!(said.contains(words), "nginx's words `{words}` are missing: {said}");
    }
    move_root(node, &ines, "web")?.success().context("another site has to go live all the same")?;
    let answer = site(node, &ines.domain, "/page.txt")?;
    ensure!(answer.status == 200 && answer.body == "web", "the other site answers {answer:?}");
    node.run(["rm", &certificate])?;
    node.run(["berth", "node", "audit", "--now", "--wait"])?;
    let answer = site(node, &hugo.domain, "/page.txt")?;
    ensure!(answer.status == 200 && answer.body == "web", "after the audit the site answers {answer:?}");
    let shown = berth(node, &["user", "show", &hugo.name])?.success()?;
    let said =
        node.run(["journalctl", "--unit", "berth-agent", "--lines", "12", "--output", "cat", "--no-pager"])?;
    ensure!(!shown.contains("failed"), "the site has not healed: {shown}\n{said}");
    Ok(())
}
