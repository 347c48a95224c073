//! What is rendered, and which links are kept.

use std::collections::BTreeMap;

use berth_core::Parse;
use berth_core::account::Uid;
use berth_core::certificate::{Fingerprint, PrivateKey, SiteCertificate, Thumbprint};
use berth_core::domain::{Docroot, HstsAge, HttpsRedirect};
use berth_core::id::{AccountId, DomainId};
use berth_core::name::{DisplayName, Fqdn, Username};
use berth_core::package::{Bounds, EgressPolicy, TimerMode};
use berth_core::spec::{AccountSpec, EgressSpec, SftpSpec, SiteSpec};
use proptest::prelude::*;

use super::block::Setting;
use super::candidate::{self, Files, Refusal};
use super::config::{self, Blocks};
use super::{CANDIDATE_SITES, block};
use crate::ledger::Certificates;

/// An account with one standard site per name.
pub(crate) fn spec(user: &str, hosts: &[&str]) -> AccountSpec {
    let site = |name: &&str| {
        let fqdn = Fqdn::parse(name).unwrap();
        SiteSpec {
            domain: DomainId(uuid::Uuid::nil()),
            aliases: fqdn.with_www().into_iter().collect(),
            fqdn,
            docroot: Docroot::default(),
            certificate: None,
            https_redirect: HttpsRedirect::Auto,
            hsts: None,
        }
    };
    let number = 1_900_000_000 + u32::from(user.as_bytes()[0]);
    AccountSpec {
        account: AccountId(uuid::Uuid::from_u128(u128::from(number))),
        generation: 1,
        username: Username::parse(user).unwrap(),
        uid: Uid::try_from(number).unwrap(),
        display_name: DisplayName::parse("Somebody").unwrap(),
        sftp: SftpSpec { enabled: true, keys: Vec::new() },
        timers: TimerMode::Off,
        standing: berth_core::standing::Standing::default(),
        timer_list: Vec::new(),
        egress: EgressSpec { policy: EgressPolicy::Web, rules: Vec::new() },
        bounds: Bounds::default(),
        sites: hosts.iter().map(site).collect(),
        web_users: Vec::new(),
    }
}

/// A directive with its arguments, or the end of a block.
type Directive = Vec<String>;

/// Reads a configuration as nginx does (`ngx_conf_file.c`).
fn parse(text: &str) -> Vec<Directive> {
    let mut directives = Vec::new();
    let mut current: Directive = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            ';' | '{' | '}' => {
                current.push(c.to_string());
                directives.push(std::mem::take(&mut current));
            }
            quote @ ('"' | '\'') => {
                let mut word = String::new();
                while let Some(c) = chars.next_if(|c| *c != quote) {
                    word.push(c);
                    if c == '\\' {
                        word.extend(chars.next());
                    }
                }
                chars.next();
                current.push(word);
            }
            first => {
                let mut word = first.to_string();
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !matches!(c, ';' | '{')) {
                    word.push(c);
                    if c == '\\' {
                        word.extend(chars.next());
                    }
                    // A variable's braces belong to the word.
                    if c == '$' && chars.peek() == Some(&'{') {
                        word.extend(chars.by_ref().take_while(|c| *c != '}'));
                    }
                }
                current.push(word);
            }
        }
    }
    assert!(current.is_empty(), "the text ends inside a directive: {current:?}");
    directives
}

#[test]
fn the_main_configuration() {
    insta::assert_snapshot!(config::main(true, Blocks::Live, Some(&thumbprint())));
}

#[test]
fn the_candidate_differs_by_its_blocks_only() {
    let (live, candidate) =
        (config::main(false, Blocks::Live, None), config::main(false, Blocks::Candidate, None));
    let differing: Vec<_> = live.lines().zip(candidate.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(
        differing,
        [(
            "    include /etc/berth/nginx/sites/*.conf;",
            "    include /etc/berth/nginx/candidate/sites/*.conf;"
        )]
    );
    assert!(!live.contains("[::]"));
}

#[test]
fn the_drop_in() {
    insta::assert_snapshot!(config::drop_in());
}

#[test]
fn a_block() {
    let mut spec = spec("alice", &["alicesite.com"]);
    spec.sites[0].docroot = Docroot::parse("public_html/app").unwrap();
    let certificate = certificate(&["alicesite.com"]);
    let setting = Setting { ipv6: true, acme: Some(&thumbprint()), certificate: Some(&certificate) };
    spec.sites[0].hsts = Some(HstsAge::try_from(31_536_000).unwrap());
    insta::assert_snapshot!(block::render(&spec, &spec.sites[0], &setting));
}

fn thumbprint() -> Thumbprint {
    Thumbprint::parse("evnW7bNz-xGZVdM1pAsPUHzsFLXeHmIAPbAhWo5_bc0").unwrap()
}

/// A certificate for these names, as far as its text matters to nobody.
pub(crate) fn certificate(names: &[&str]) -> SiteCertificate {
    SiteCertificate {
        fingerprint: Fingerprint::parse(&"0a".repeat(32)).unwrap(),
        names: names.iter().map(|name| Fqdn::parse(name).unwrap()).collect(),
        chain: "-----BEGIN CERTIFICATE-----\nissued\n".to_owned(),
        key: PrivateKey::new("-----BEGIN PRIVATE KEY-----\nissued\n".to_owned()),
    }
}

#[test]
fn who_is_sent_to_https() {
    let mut spec = spec("alice", &["alicesite.com"]);
    spec.sites[0].certificate = Some(certificate(&[]).fingerprint);
    let held = |names: &[&str]| Certificates::from([(certificate(names).fingerprint, certificate(names))]);
    let links = |spec: &AccountSpec, held: &Certificates| -> Vec<String> {
        super::host_tree::https_links(spec, held).into_keys().collect()
    };
    assert_eq!(links(&spec, &Certificates::new()), [""; 0], "nobody, as long as there is none");
    assert_eq!(links(&spec, &held(&["alicesite.com"])), ["alicesite.com"], "only whom it is valid for");
    spec.sites[0].https_redirect = HttpsRedirect::On;
    assert_eq!(links(&spec, &Certificates::new()), ["alicesite.com", "www.alicesite.com"]);
    spec.sites[0].https_redirect = HttpsRedirect::Off;
    assert_eq!(links(&spec, &held(&["alicesite.com"])), [""; 0]);
}

#[test]
fn browsers_are_told_to_remember_only_with_a_certificate_that_they_trust() {
    let mut spec = spec("alice", &["alicesite.com"]);
    spec.sites[0].hsts = Some(HstsAge::try_from(300).unwrap());
    let setting = Setting { ipv6: false, acme: None, certificate: None };
    let without = block::render(&spec, &spec.sites[0], &setting);
    assert!(!without.contains("Strict-Transport-Security") && !without.contains("return 301 https:"));
    let certificate = certificate(&["www.alicesite.com"]);
    let with = block::render(&spec, &spec.sites[0], &Setting { certificate: Some(&certificate), ..setting });
    assert!(with.contains("\"https:www.alicesite.com\"") && !with.contains("\"https:alicesite.com\""));
    assert!(with.contains("\"http:www.alicesite.com\"") && !with.contains("\"http:alicesite.com\""));
}

proptest! {
    #[test]
    fn no_value_escapes(user in "[a-z][a-z0-9_-]{2,31}", host in "[\\PC.]{1,90}", alias in "[a-z.-]{1,90}", root in "public_html(/[\\PC]{1,20}){0,3}", age in 1..HstsAge::MAX) {
        let (Ok(user), Ok(host)) = (Username::parse(&user), Fqdn::parse(&host)) else { return Ok(()) };
        let mut plain = spec("alice", &["alicesite.com"]);
        plain.sites[0].aliases = vec![Fqdn::parse("www.alicesite.com").unwrap()];
        plain.sites[0].hsts = Some(HstsAge::try_from(1).unwrap());
        plain.sites[0].https_redirect = HttpsRedirect::On;
        let mut wild = plain.clone();
        wild.username = user.clone();
        wild.sites[0].fqdn = host.clone();
        wild.sites[0].aliases = vec![Fqdn::parse(&alias).unwrap_or_else(|_| Fqdn::parse("a.example").unwrap())];
        wild.sites[0].hsts = Some(HstsAge::try_from(age).unwrap());
        wild.sites[0].docroot = Docroot::parse(&root).unwrap_or_default();
        let thumbprint = thumbprint();
        let rendered = |spec: &AccountSpec| {
            let mut issued = certificate(&[]);
            issued.names = spec.sites[0].hosts().cloned().collect();
            let setting = Setting { ipv6: true, acme: Some(&thumbprint), certificate: Some(&issued) };
            parse(&block::render(spec, &spec.sites[0], &setting))
        };
        let (expected, found) = (rendered(&plain), rendered(&wild));
        // Directive by directive the same, but for the names that the server has and the paths.
        prop_assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            prop_assert_eq!(&found[0], &expected[0]);
            match found[0].as_str() {
                "server_name" => {
                    let names: Vec<String> = wild.sites[0].hosts().map(ToString::to_string).collect();
                    prop_assert_eq!(&found[1..found.len() - 1], names.as_slice());
                }
                "root" => prop_assert_eq!(&found[1], &format!("/home/{user}/domains/{host}/{}", wild.sites[0].docroot)),
                "disable_symlinks" => prop_assert_eq!(&found[2], &format!("from=/home/{user}/domains/{host}")),
                "ssl_certificate" | "ssl_certificate_key" | "fastcgi_pass" => prop_assert_eq!(found.len(), 3),
                "if" if expected[1] == "($berth_asked" => {
                    // What is compared with is one quoted word, which ends where it shall.
                    prop_assert_eq!(found.len(), expected.len());
                    prop_assert_eq!(&found[..3], &expected[..3]);
                    let (scheme, name) = found[3].split_once(':').unwrap();
                    prop_assert!(scheme == "http" || scheme == "https");
                    prop_assert!(wild.sites[0].hosts().any(|host| host.as_str() == name));
                    prop_assert_eq!(&found[4..], &expected[4..]);
                }
                "set" if expected[2].starts_with("max-age") => {
                    prop_assert_eq!(&found[2], &format!("max-age={age}"));
                    prop_assert_eq!(found.len(), expected.len());
                }
                _ => prop_assert_eq!(found, expected),
            }
        }
    }
}

fn files(names: &[&str]) -> Files {
    names.iter().map(|name| ((*name).to_owned(), format!("text of {name}"))).collect()
}

/// A validator that refuses some blocks, and says so with or without the file's name.
fn validator<'a>(
    broken: &'a [&str],
    names_it: bool,
    asked: &'a mut usize,
) -> impl FnMut(&Files) -> Result<Option<String>, ()> + 'a {
    move |files| {
        *asked += 1;
        let found = files.keys().find(|name| broken.contains(&name.as_str()));
        Ok(found.map(|name| {
            if names_it {
                format!(
                    "nginx: [emerg] unknown directive \"x\" in {CANDIDATE_SITES}/{name}:3\nnginx: test failed"
                )
            } else {
                "nginx: [emerg] cannot load certificate".to_owned()
            }
        }))
    }
}

#[test]
fn broken_blocks_are_left_out_and_the_others_go_on() {
    let names: Vec<String> = (0..100).map(|n| format!("{n:03}.example.com.conf")).collect();
    let all = files(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for names_it in [true, false] {
        for broken in [&[][..], &["000.example.com.conf"], &["007.example.com.conf", "099.example.com.conf"]]
        {
            let mut asked = 0;
            let verdict = candidate::sort(&all, validator(broken, names_it, &mut asked)).unwrap();
            assert_eq!(verdict.rejected.keys().map(String::as_str).collect::<Vec<_>>(), broken);
            assert_eq!(verdict.accepted.len(), all.len() - broken.len());
            assert!(asked <= 1 + broken.len() * 10, "asked {asked} times");
        }
    }
}

#[test]
fn words_are_shown_without_paths_and_control_characters() {
    let verdict = candidate::sort(&files(&["a.conf"]), |files: &Files| -> Result<_, ()> {
        let words = format!(
            "nginx: [warn] first\nnginx: [emerg] 2366#2366: bad \u{1b}[31mthing in {CANDIDATE_SITES}/a.conf:3\nmore"
        );
        Ok((!files.is_empty()).then_some(words))
    });
    assert_eq!(verdict.unwrap().rejected["a.conf"], "bad [31mthing in a.conf:3");
}

#[test]
fn a_whole_that_is_refused_blames_nobody() {
    let refused = candidate::sort(&files(&["a.conf"]), |_: &Files| -> Result<_, ()> {
        Ok(Some("nginx: [emerg] bad in /etc/nginx/conf.d/operator.conf:1".to_owned()))
    });
    assert_eq!(refused, Err(Refusal::Whole("bad in /etc/nginx/conf.d/operator.conf:1".to_owned())));
    assert_eq!(candidate::sort(&files(&["a.conf"]), |_: &Files| Err(7)), Err(Refusal::Unasked(7)));
}

#[test]
fn links_of_an_account() {
    let mut spec = spec("alice", &["alicesite.com", "shop.example"]);
    spec.sites[1].docroot = Docroot::parse("public_html/app").unwrap();
    let dir = "/home/alice/domains/alicesite.com".to_owned();
    assert_eq!(
        super::host_tree::site_links(&spec),
        BTreeMap::from([("alicesite.com".to_owned(), dir.clone()), ("www.alicesite.com".to_owned(), dir)])
    );
    let sockets: Vec<_> = super::host_tree::socket_links(&spec).into_keys().collect();
    assert_eq!(sockets, ["alicesite.com.sock", "shop.example.sock", "www.alicesite.com.sock"]);
}
