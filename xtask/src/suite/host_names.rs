//! A name that a client supplied never leads to another tenant, to a file, or to a failure.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Check;
use super::support::{Tenant, must_not_contain, raw_http, site, tenant};
use crate::node::Node;
use crate::process::Program;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("no Host header leads to another tenant or to a server error", host_headers),
    ("no server name in a TLS handshake leads to a tenant's file or stops a site", server_names),
];

fn long_name() -> String {
    format!("{}.com", ["a".repeat(60).as_str(); 4].join(".").get(..249).unwrap_or_default())
}

/// Names that look like paths, like another tenant, or like nothing.
fn corpus(alice: &Tenant) -> Vec<String> {
    let name = &alice.domain;
    let mut names: Vec<String> = [
        "../alicesite.com",
        "..",
        ".",
        "/",
        "a/b.com",
        "..%2f..%2fetc",
        "[::1]",
        "[::1]:80",
        "_",
        "a_b.com",
        "-",
        "xn--",
        "127.0.0.1",
        "localhost",
        "bob",
        "*",
        "*.com",
        "~^(.*)$",
        "$host",
        "a b",
        "a\tb",
        "é.com",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend([
        format!(".{name}"),
        format!("..{name}"),
        format!("{name}.."),
        format!("x.{name}"),
        format!("{name}/../bobsite.com"),
        format!("{name}\\..\\bobsite.com"),
        format!("{name}.example.org"),
        format!("{name},bobsite.com"),
        format!("{name}@bobsite.com"),
        long_name(),
        "a".repeat(64),
        "a".repeat(300),
        "a.".repeat(120),
    ]);
    names
}

/// The status that an answer begins with; none if the connection was just closed.
fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.")?.split_whitespace().nth(1)?.parse().ok()
}

fn harmless(answer: &str, what: &str) -> Result<()> {
    must_not_contain(answer, "uid=", what)?;
    if let Some(status) = status(answer) {
        ensure!(status < 500, "{what} is answered with {status}");
    }
    Ok(())
}

fn host_headers(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let bob = tenant(node, "bob")?;
    for name in corpus(&alice) {
        let mut request = b"GET / HTTP/1.1\r\nConnection: close\r\nHost: ".to_vec();
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b"\r\n\r\n");
        let answer = raw_http(node, &request)?;
        harmless(&answer, &format!("Host {name:?}"))?;
    }
    for bytes in [&b"\0"[..], b"alicesite.com\0", b"\xff\xfe", b"alicesite.com\xff", b""] {
        let mut request = b"GET / HTTP/1.1\r\nConnection: close\r\nHost: ".to_vec();
        request.extend_from_slice(bytes);
        request.extend_from_slice(b"\r\n\r\n");
        harmless(&raw_http(node, &request)?, &format!("Host {bytes:?}"))?;
    }
    harmless(&raw_http(node, b"GET / HTTP/1.0\r\n\r\n")?, "no Host")?;
    let twice = format!("GET / HTTP/1.1\r\nHost: {}\r\nHost: {}\r\n\r\n", alice.domain, bob.domain);
    harmless(&raw_http(node, twice.as_bytes())?, "two Hosts")?;

    let hers = format!("uid={}", alice.uid);
    for same in [alice.domain.to_uppercase(), format!("{}:80", alice.domain), format!("{}.", alice.domain)] {
        let request = format!("GET / HTTP/1.1\r\nConnection: close\r\nHost: {same}\r\n\r\n");
        let answer = raw_http(node, request.as_bytes())?;
        ensure!(
            answer.contains(&hers) || status(&answer).is_some_and(|status| status < 500),
            "{same} is answered with {answer:?}"
        );
        must_not_contain(&answer, &format!("uid={}", bob.uid), &same)?;
    }
    // The absolute form wins over the header (RFC 9112, section 3.2.2): one site, not a mixture.
    let request =
        format!("GET http://{}/ HTTP/1.1\r\nConnection: close\r\nHost: {}\r\n\r\n", bob.domain, alice.domain);
    let answer = raw_http(node, request.as_bytes())?;
    ensure!(
        answer.contains(&format!("uid={}", bob.uid)) || status(&answer) == Some(400),
        "the absolute form is answered with {answer:?}"
    );
    Ok(())
}

fn server_names(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    let mut names = corpus(&alice);
    let home = alice.public();
    names.extend([
        format!("../../../../..{home}/certificate"),
        format!("../www/{}/public_html/pipe", alice.domain),
        "../canary".to_owned(),
    ]);
    // A certificate and a pipe where a traversal would look for them.
    super::support::write_as(node, &alice, &format!("{home}/certificate.crt"), "not one")?;
    let pipe = format!("{home}/pipe.crt");
    if node.exec(["stat", &pipe])?.code != 0 {
        super::support::as_tenant(node, &alice, &["mkfifo", &pipe]).output()?;
    }
    let known = handshake(node, &alice.domain)?;
    ensure!(known.contains("BEGIN CERTIFICATE"), "there is no TLS for her own site: {known}");
    for name in names.iter().filter(|name| !name.contains('\0')) {
        let said = handshake(node, name)?;
        ensure!(
            !said.contains("CN = alicesite.com") || name.to_lowercase() == alice.domain,
            "{name:?} gets her certificate"
        );
        let answer = site(node, &alice.domain, "/")?;
        ensure!(answer.status == 200, "after {name:?} her site answers {answer:?}");
    }
    Ok(())
}

/// What the client says about a handshake with this server name, which may well fail.
fn handshake(node: &Node, name: &str) -> Result<String> {
    let said = Program::new("openssl")
        .args(["s_client", "-showcerts", "-servername", name])
        .args(["-connect", &format!("{}:443", node.address())])
        .within(Duration::from_secs(10))
        .outcome()
        .with_context(|| format!("the handshake for {name:?}"))?;
    Ok(said.stdout + &said.stderr)
}
