//! What the checks have in common.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::files;
use crate::node::{Credentials, Node};
use crate::process::{Outcome, Program};

/// How long a resource may take to converge.
pub(crate) const CONVERGED_WITHIN: Duration = Duration::from_secs(90);

/// A user with an account.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    /// The username.
    pub(crate) name: String,
    /// The number of the Unix account.
    pub(crate) uid: u32,
    /// The primary domain.
    pub(crate) domain: String,
}

impl Tenant {
    /// The directory of the site.
    pub(crate) fn site(&self) -> String {
        format!("/home/{}/domains/{}", self.name, self.domain)
    }

    /// The directory that the web server serves.
    pub(crate) fn public(&self) -> String {
        format!("{}/public_html", self.site())
    }

    /// The slice of everything that runs as the tenant.
    pub(crate) fn slice(&self) -> String {
        format!("user-{}.slice", self.uid)
    }
}

/// An answer of the web server or of the API.
#[derive(Debug)]
pub(crate) struct Response {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

impl Response {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body)
            .with_context(|| format!("expected JSON with status {}, got {:?}", self.status, self.body))
    }
}

/// The domain that [`tenant`] gives to a user.
pub(crate) fn domain_of(name: &str) -> String {
    format!("{name}site.com")
}

/// The arguments that create a user of this name with the package that is shipped.
pub(crate) fn create_arguments(name: &str) -> Vec<String> {
    create_arguments_with(name, "standard")
}

/// The arguments that create a user of this name with this package.
pub(crate) fn create_arguments_with(name: &str, package: &str) -> Vec<String> {
    [
        "user",
        "create",
        "--username",
        name,
        "--email",
        &format!("{name}@example.com"),
        "--display-name",
        "Alice Smith",
        "--role",
        "user",
        "--package",
        package,
        "--primary-domain",
        &domain_of(name),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The user of this name, created and converged if it does not exist.
pub(crate) fn tenant(node: &Node, name: &str) -> Result<Tenant> {
    tenant_with(node, name, "standard")
}

/// The user of this name, created with this package and converged if it does not exist.
pub(crate) fn tenant_with(node: &Node, name: &str, package: &str) -> Result<Tenant> {
    if berth(node, &["user", "show", name, "--json"])?.code != 0 {
        let mut arguments = create_arguments_with(name, package);
        let limit = (CONVERGED_WITHIN * node.instance().patience()).as_secs().to_string();
        arguments.extend(["--wait", "--timeout", &limit, "--json"].map(str::to_owned));
        berth(node, &arguments)?.success()?;
    }
    let uid = node
        .run(["id", "-u", name])?
        .trim()
        .parse()
        .with_context(|| format!("the number of user {name} is none"))?;
    Ok(Tenant { name: name.to_owned(), uid, domain: domain_of(name) })
}

/// Runs `berth` in the node as root.
pub(crate) fn berth<S: AsRef<str>>(node: &Node, arguments: &[S]) -> Result<Outcome> {
    let argv = std::iter::once("berth").chain(arguments.iter().map(AsRef::as_ref));
    node.exec(argv)
}

/// Runs `berth … --json` in the node as root and reads its answer.
pub(crate) fn berth_json<S: AsRef<str>>(node: &Node, arguments: &[S]) -> Result<Value> {
    let argv =
        std::iter::once("berth").chain(arguments.iter().map(AsRef::as_ref)).chain(std::iter::once("--json"));
    let said = node.run(argv)?;
    serde_json::from_str(&said).with_context(|| format!("expected JSON, got {said:?}"))
}

/// Text below a path of names in a JSON value.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no text at {pointer} in {value}"))
}

/// The items of a list.
pub(crate) fn items(value: &Value) -> Result<&Vec<Value>> {
    value.get("items").unwrap_or(value).as_array().with_context(|| format!("no list in {value}"))
}

/// Codes and fields of the problems in an answer of the command line or of the API.
pub(crate) fn problems(answer: &Value) -> Vec<(String, String)> {
    let field =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = ["errors", "problems"].iter().find_map(|name| answer.get(name).and_then(Value::as_array));
    match list {
        Some(list) => list.iter().map(|problem| (field(problem, "code"), field(problem, "field"))).collect(),
        None => vec![(field(answer, "code"), field(answer, "field"))],
    }
}

/// The JSON that a failed command printed, wherever it printed it.
pub(crate) fn failure(outcome: &Outcome) -> Result<Value> {
    ensure!(outcome.code != 0, "the command succeeded: {}", outcome.stdout);
    for stream in [&outcome.stdout, &outcome.stderr] {
        if let Ok(value) = serde_json::from_str(stream.trim()) {
            return Ok(value);
        }
    }
    Err(outcome.error().context("a failed command with --json must answer in JSON"))
}

/// A program to be run in the node as the tenant.
pub(crate) fn as_tenant(node: &Node, tenant: &Tenant, argv: &[&str]) -> Program {
    let uid = tenant.uid.to_string();
    let mut all = vec!["setpriv", "--reuid", &uid, "--regid", &uid, "--init-groups", "--"];
    all.extend_from_slice(argv);
    node.program(all)
}

/// Writes a file as the tenant.
pub(crate) fn write_as(node: &Node, tenant: &Tenant, path: &str, content: &str) -> Result<()> {
    as_tenant(node, tenant, &["tee", "--", path]).input(content).output()?;
    Ok(())
}

/// Asks the web server for a path of a site.
pub(crate) fn site(node: &Node, host: &str, path: &str) -> Result<Response> {
    curl(&["--header", &format!("Host: {host}"), "--path-as-is", &format!("http://{}{path}", node.address())])
}

/// Runs a PHP script as a page of the tenant's site and gives what it printed.
pub(crate) fn php(node: &Node, tenant: &Tenant, script: &str) -> Result<String> {
    let name = format!("check-{}.php", crate::paths::fingerprint(script));
    let path = format!("{}/{name}", tenant.public());
    write_as(node, tenant, &path, script)?;
    let answer = site(node, &tenant.domain, &format!("/{name}"))?;
    node.run(["rm", "--", &path])?;
    ensure!(answer.status == 200, "the page answered {}: {}", answer.status, answer.body);
    Ok(answer.body)
}

/// Asks the API.
pub(crate) fn api(
    node: &Node,
    key: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Response> {
    let url = format!("https://{}:8443/api/v1{path}", node.address());
    let authorization = format!("Authorization: Bearer {key}");
    let text = body.map(Value::to_string);
    let mut arguments = vec!["--insecure", "--request", method, "--header", &authorization];
    if let Some(text) = &text {
        arguments.extend(["--header", "Content-Type: application/json", "--data", text]);
    }
    arguments.push(&url);
    curl(&arguments)
}

/// The key that `berth setup` made.
pub(crate) fn admin_key(node: &Node) -> Result<String> {
    Ok(Credentials::load(node.instance())?.context("the node is not set up")?.api_key)
}

fn curl(arguments: &[&str]) -> Result<Response> {
    let said = Program::new("curl")
        .args(["--silent", "--show-error", "--max-time", "30"])
        .args(["--write-out", "\n%{http_code}"])
        .args(arguments)
        .output()?;
    let (body, status) = said.rsplit_once('\n').context("curl printed no status")?;
    Ok(Response {
        status: status.parse().with_context(|| format!("{status:?} is no HTTP status"))?,
        body: body.to_owned(),
    })
}

/// Sends these very bytes to the web server and gives what it answers, which may be nothing.
pub(crate) fn raw_http(node: &Node, request: &[u8]) -> Result<String> {
    let mut stream =
        TcpStream::connect((node.address().as_str(), 80)).context("cannot connect to the web server")?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).context("cannot set a time limit")?;
    stream.write_all(request).context("cannot send a request")?;
    let mut answer = Vec::new();
    // A server that resets the connection has refused, which is an answer too.
    let _ = stream.read_to_end(&mut answer);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A directory on this machine that vanishes with the value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new, empty one.
    pub(crate) fn new(purpose: &str) -> Result<Self> {
        let name = format!("berth-suite-{}-{purpose}", std::process::id());
        let path = std::env::temp_dir().join(name);
        files::remove_dir(&path)?;
        files::make_dir(&path)?;
        Ok(Self(path))
    }

    /// A path in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = files::remove_dir(&self.0) {
            eprintln!("{error:#}");
        }
    }
}

/// A new key pair: the private key's path, the public key beside it.
pub(crate) fn key_pair(scratch: &Scratch) -> Result<PathBuf> {
    let path = scratch.join("id_ed25519");
    if !path.exists() {
        Program::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "suite", "-f"])
            .arg(&path)
            .output()?;
    }
    Ok(path)
}

/// Gives the tenant this key, waits until it works, and gives the key's id.
pub(crate) fn add_key(node: &Node, tenant: &Tenant, private: &Path) -> Result<String> {
    let public = files::read(&private.with_extension("pub"))?;
    let inside = format!("/root/{}.pub", tenant.name);
    node.write(&inside, public.as_bytes())?;
    let added = berth_json(node, &["ssh-key", "add", &tenant.name, "--file", &inside])?;
    let blob = public.split_whitespace().nth(1).context("the public key has no second word")?;
    let path = format!("/etc/berth/keys/{}", tenant.name);
    node.wait_for("the key on the host", CONVERGED_WITHIN, |node| {
        Ok(node.exec(["cat", "--", &path])?.stdout.contains(blob))
    })?;
    Ok(text(&added, "/id")?.to_owned())
}

/// An SSH client that asks nothing and remembers nothing.
pub(crate) fn ssh_client(program: &str, key: Option<&Path>) -> Program {
    let client = Program::new(program)
        .args(["-F", "none", "-q", "-o", "StrictHostKeyChecking=no"])
        .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=10"])
        .args(["-o", "IdentityAgent=none", "-o", "IdentitiesOnly=yes"])
        .within(Duration::from_mins(1));
    match key {
        Some(key) => client.args(["-o", "BatchMode=yes", "-i"]).arg(key),
        None => client.args(["-o", "BatchMode=yes", "-i", "/dev/null"]),
    }
}

/// Runs SFTP commands as the tenant.
pub(crate) fn sftp(node: &Node, tenant: &Tenant, key: Option<&Path>, commands: &str) -> Result<Outcome> {
    ssh_client("sftp", key)
        .args(["-b", "-"])
        .arg(format!("{}@{}", tenant.name, node.address()))
        .input(commands)
        .outcome()
}

/// Fails with what was found if a text that must stay hidden is in another one.
pub(crate) fn must_not_contain(found: &str, secret: &str, place: &str) -> Result<()> {
    if found.contains(secret) {
        bail!("{place} shows what it must not: {found:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn problems_are_found_in_every_form_of_answer() {
        let one = ("email_taken".to_owned(), "email".to_owned());
        let check = |answer: &Value| assert_eq!(problems(answer), std::slice::from_ref(&one));
        check(&json!({"errors": [{"code": "email_taken", "field": "email"}], "code": "many"}));
        check(&json!({"problems": [{"code": "email_taken", "field": "email"}]}));
        check(&json!({"code": "email_taken", "field": "email", "status": 409}));
    }
}
