//! Certificate files.

use std::sync::Mutex;

use berth_core::name::Fqdn;
use berth_core::{Parse, layout};

use super::*;
use crate::host::tree::TreeHost;
use crate::ledger::Marks;
use crate::nginx::tests::{certificate, spec};
use crate::resource::SystemIds;

fn with_host(check: impl Fn(&Context<'_>)) {
    let dir = tempfile::tempdir().unwrap();
    let host = TreeHost::open(&dir.path().join("tree")).unwrap();
    let node: Mutex<Marks> = Mutex::default();
    let changes = crate::drift::Changes::default();
    let ids = SystemIds { web_uid: 33, web_gid: 33, tls_uid: 34, log_uid: 36, log_gid: 36, sftp_gid: 35 };
    check(&Context {
        host: &host,
        now: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        ids,
        certificates: &Certificates::new(),
        acme: None,
        node: &node,
        changes: &changes,
    });
}

fn read(context: &Context<'_>, path: &str) -> String {
    String::from_utf8(context.host.read(&format!("{TLS_DIR}/{path}")).unwrap().unwrap()).unwrap()
}

#[test]
fn key_and_certificate_belong_together_and_are_made_once() {
    with_host(|context| {
        ensure(context, "a.example", "a.example").unwrap();
        let (certificate, key) = (read(context, "a.example.crt"), read(context, "a.example.key"));
        let pair = KeyPair::from_pem(&key).unwrap();
        let body: Vec<u8> = pem_body(&certificate);
        let public = pair.public_key_raw();
        assert!(body.windows(public.len()).any(|window| window == public), "the certificate holds the key");
        assert!(body.windows(9).any(|window| window == b"a.example"));
        ensure(context, "a.example", "a.example").unwrap();
        assert_eq!(read(context, "a.example.key"), key);
        assert_eq!(read(context, "a.example.crt"), certificate);
    });
}

#[test]
fn what_was_issued_takes_the_place_of_what_is_signed_by_itself() {
    with_host(|context| {
        let mut site = spec("alice", &["alicesite.com"]).sites.remove(0);
        ensure_site(context, &site).unwrap();
        let own = read(context, "www.alicesite.com.crt");
        let issued = certificate(&["alicesite.com"]);
        site.certificate = Some(issued.fingerprint.clone());
        ensure_site(context, &site).unwrap();
        assert_ne!(read(context, "alicesite.com.crt"), issued.chain, "the node has not got it yet");
        let held = Certificates::from([(issued.fingerprint.clone(), issued.clone())]);
        let context = &Context { certificates: &held, ..*context };
        ensure_site(context, &site).unwrap();
        assert_eq!(read(context, "alicesite.com.crt"), issued.chain);
        assert_eq!(read(context, "alicesite.com.key"), issued.key.reveal());
        assert_eq!(read(context, "www.alicesite.com.crt"), own, "it is not valid for that name");
        // Somebody else's key in its place does not stay, nor does half a pair.
        context
            .host
            .replace_file(&format!("{TLS_DIR}/alicesite.com.key"), b"other", Owner::ROOT, 0o644)
            .unwrap();
        ensure_site(context, &site).unwrap();
        assert_eq!(read(context, "alicesite.com.key"), issued.key.reveal());
        let key = context.host.entry(&format!("{TLS_DIR}/alicesite.com.key")).unwrap().unwrap();
        assert_eq!(key.attributes, Attributes::plain(Owner { uid: 34, gid: 33 }, 0o640));
        remove(context.host, "alicesite.com").unwrap();
        assert_eq!(context.host.list(TLS_DIR).unwrap().len(), 2);
    });
}

#[test]
fn owners_and_permissions_are_kept() {
    with_host(|context| {
        ensure(context, "a.example", "a.example").unwrap();
        let entry =
            |file: &str| context.host.entry(&format!("{TLS_DIR}/{file}")).unwrap().unwrap().attributes;
        let key = Attributes::plain(Owner { uid: 34, gid: 33 }, 0o640);
        assert_eq!(entry("a.example.key"), key);
        assert_eq!(entry("a.example.crt"), Attributes::plain(Owner::ROOT, 0o644));
        let open = Attributes::plain(Owner::ROOT, 0o644);
        context.host.set_attributes(&format!("{TLS_DIR}/a.example.key"), &open).unwrap();
        ensure(context, "a.example", "a.example").unwrap();
        assert_eq!(entry("a.example.key"), key);
    });
}

#[test]
fn a_host_of_any_length_gets_one() {
    with_host(|context| {
        let long = Fqdn::parse(&format!("{0}.{0}.{0}.example.com", "a".repeat(60))).unwrap();
        ensure(context, &layout::host_file(&long), long.as_str()).unwrap();
        let certificate = pem_body(&read(context, &format!("{}.crt", layout::host_file(&long))));
        let name = long.as_str().as_bytes();
        assert!(certificate.windows(name.len()).any(|window| window == name));
    });
}

#[test]
fn half_a_pair_is_made_anew() {
    with_host(|context| {
        ensure(context, "a.example", "a.example").unwrap();
        let key = read(context, "a.example.key");
        context.host.remove_file(&format!("{TLS_DIR}/a.example.crt")).unwrap();
        ensure(context, "a.example", "a.example").unwrap();
        assert_ne!(read(context, "a.example.key"), key);
    });
}

/// The bytes of a PEM text.
fn pem_body(pem: &str) -> Vec<u8> {
    let mut bits = 0_u32;
    let mut held = 0;
    let mut bytes = Vec::new();
    for c in pem.lines().filter(|line| !line.starts_with('-')).flat_map(str::bytes) {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes
}
