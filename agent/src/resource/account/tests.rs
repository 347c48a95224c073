use berth_core::Code;
use berth_core::account::UID_RANGE;
use proptest::prelude::*;

use super::*;
use crate::reconcile::testing::spec;

const DAY: i64 = 20_000;

fn files(group: &str, gshadow: Option<&str>, shadow: Option<&str>, passwd: &str) -> Files {
    let bytes = |text: &str| text.as_bytes().to_vec();
    Files {
        group: Some(bytes(group)),
        gshadow: gshadow.map(bytes),
        shadow: shadow.map(bytes),
        passwd: Some(bytes(passwd)),
    }
}

fn fresh() -> Files {
    files(
        "root:x:0:\nberth-sftp:x:992:\n",
        Some("root:*::\nberth-sftp:!*::\n"),
        Some("root:*:19000:0:99999:7:::\n"),
        "root:x:0:0:root:/root:/bin/bash\n",
    )
}

fn shown(files: &Files) -> String {
    let parts = [
        ("group", &files.group),
        ("gshadow", &files.gshadow),
        ("shadow", &files.shadow),
        ("passwd", &files.passwd),
    ];
    let text = |bytes: &Option<Vec<u8>>| {
        bytes.as_deref().map_or("(none)\n".into(), |b| String::from_utf8_lossy(b).into_owned())
    };
    parts.map(|(name, bytes)| format!("== {name}\n{}", text(bytes))).concat()
}

/// Edits, checks that a second edit changes nothing, and gives the result.
fn edited(files: &Files, specs: &[AccountSpec]) -> Edited {
    let specs: Vec<&AccountSpec> = specs.iter().collect();
    let once = files.edited(&specs, &[], DAY);
    let twice = once.files.edited(&specs, &[], DAY + 1);
    assert_eq!(shown(&once.files), shown(&twice.files));
    once
}

#[test]
fn two_new_accounts() {
    let edited = edited(&fresh(), &[spec("alice", 1, 1), spec("bob-2", 2, 1)]);
    assert!(edited.refused.is_empty());
    insta::assert_snapshot!(shown(&edited.files));
}

#[test]
fn a_half_done_batch_is_completed() {
    let complete = edited(&fresh(), &[spec("alice", 1, 1)]).files;
    let start = fresh();
    for done in 0..16_u8 {
        let pick = |bit: u8, new: &Option<Vec<u8>>, old: &Option<Vec<u8>>| {
            if done & bit == 0 { old.clone() } else { new.clone() }
        };
        let half = Files {
            group: pick(1, &complete.group, &start.group),
            gshadow: pick(2, &complete.gshadow, &start.gshadow),
            shadow: pick(4, &complete.shadow, &start.shadow),
            passwd: pick(8, &complete.passwd, &start.passwd),
        };
        assert_eq!(shown(&edited(&half, &[spec("alice", 1, 1)]).files), shown(&complete), "{done:04b}");
    }
}

#[test]
fn missing_shadow_files_stay_missing() {
    let found = files("berth-sftp:x:992:\n", None, None, "");
    let edited = edited(&found, &[spec("alice", 1, 1)]);
    assert_eq!((edited.files.gshadow, edited.files.shadow), (None, None));
    assert!(edited.files.passwd.unwrap().starts_with(b"alice:x:1900000002:1900000002:"));
}

#[test]
fn a_foreign_name_or_number_is_refused_for_that_account_only() {
    let uid = UID_RANGE.start() + 1;
    for (group, passwd) in [
        ("alice:x:1000:\n".to_owned(), String::new()),
        (format!("other:x:{uid}:\n"), String::new()),
        (String::new(), "alice:x:1000:1000::/:/bin/sh\n".to_owned()),
        (String::new(), format!("other:x:{uid}:1::/:/bin/sh\n")),
        ("alice:x:none:\n".to_owned(), String::new()),
    ] {
        let mut found = fresh();
        found.group.as_mut().unwrap().extend(group.bytes());
        found.passwd.as_mut().unwrap().extend(passwd.bytes());
        let edited = edited(&found, &[spec("alice", 1, 1), spec("bobby", 2, 1)]);
        let codes: Vec<_> = edited.refused.iter().map(|(id, problem)| (*id, problem.code)).collect();
        assert_eq!(codes, [(spec("alice", 1, 1).account, Code::AccountForeign)], "{group}{passwd}");
        let text = shown(&edited.files);
        assert!(
            text.contains("bobby:x:1900000003:") && !text.contains(":alice,") && !text.contains("992:alice")
        );
        assert!(text.contains(&group) && text.contains(&passwd));
    }
}

#[test]
fn a_password_is_locked_again_and_a_duplicate_goes() {
    let mut found = edited(&fresh(), &[spec("alice", 1, 1)]).files;
    for password in ["", "$y$j9T$x", "x"] {
        found.shadow = Some(format!("alice:{password}:1:0:99999:7:::\nalice:y:2::::::\n").into_bytes());
        let shadow = edited(&found, &[spec("alice", 1, 1)]).files.shadow.unwrap();
        assert_eq!(String::from_utf8(shadow).unwrap(), "alice:!:20000:0:99999:7:::\n");
    }
    found.shadow = Some(b"alice:!$y$locked:1:0:99999:7:::\n".to_vec());
    assert_eq!(edited(&found, &[spec("alice", 1, 1)]).files.shadow, found.shadow);
}

#[test]
fn no_account_is_ever_in_the_group_of_the_web_server() {
    let mut found = fresh();
    found.group.as_mut().unwrap().extend_from_slice(b"berth-web:x:990:nginx,alice,other\n");
    found.gshadow.as_mut().unwrap().extend_from_slice(b"berth-web:!::alice\n");
    let specs = [spec("alice", 1, 1)];
    let specs: Vec<&AccountSpec> = specs.iter().collect();
    let text = shown(&found.edited(&specs, &["berth-web".to_owned()], DAY).files);
    assert!(text.contains("berth-web:x:990:nginx,other\n") && text.contains("berth-web:!::\n"), "{text}");
}

#[test]
fn extra_groups_are_joined_and_a_missing_one_is_named() {
    let mut found = fresh();
    let (specs, groups) = ([spec("alice", 1, 1)], ["www-data".to_owned()]);
    let specs: Vec<&AccountSpec> = specs.iter().collect();
    let refused = found.edited(&specs, &groups, DAY).refused;
    assert!(refused.values().all(|problem| problem.detail.contains("www-data")) && refused.len() == 1);
    found.group.as_mut().unwrap().extend_from_slice(b"www-data:x:33:someone\n");
    let text = shown(&found.edited(&specs, &groups, DAY).files);
    assert!(text.contains("www-data:x:33:someone,alice\n"), "{text}");
}

#[test]
fn old_nis_lines_stay_last_and_a_missing_line_end_is_made_up_for() {
    let mut found = fresh();
    found.passwd = Some(b"root:x:0:0:root:/root:/bin/bash\n+::::::".to_vec());
    let passwd = edited(&found, &[spec("alice", 1, 1)]).files.passwd.unwrap();
    assert!(passwd.ends_with(b"/usr/sbin/nologin\n+::::::"));
    found.passwd = Some(b"root:x:0:0:root:/root:/bin/bash".to_vec());
    let passwd = edited(&found, &[spec("alice", 1, 1)]).files.passwd.unwrap();
    assert!(passwd.starts_with(b"root:x:0:0:root:/root:/bin/bash\nalice:x:"));
}

#[test]
fn cost_is_linear() {
    use std::fmt::Write as _;
    let mut found = fresh();
    let (mut passwd, mut group, mut shadow, mut gshadow) =
        (String::new(), String::new(), String::new(), String::new());
    for number in 0..100_000 {
        writeln!(passwd, "u{number}:x:{number}:{number}:U:/home/u{number}:/bin/sh").unwrap();
        writeln!(group, "u{number}:x:{number}:").unwrap();
        writeln!(shadow, "u{number}:!:1:0:99999:7:::").unwrap();
        writeln!(gshadow, "u{number}:!::").unwrap();
    }
    found.passwd.as_mut().unwrap().extend(passwd.bytes());
    found.group.as_mut().unwrap().extend(group.bytes());
    found.shadow.as_mut().unwrap().extend(shadow.bytes());
    found.gshadow.as_mut().unwrap().extend(gshadow.bytes());
    let specs: Vec<AccountSpec> = (1..=1000).map(|number| spec(&format!("new{number}"), number, 1)).collect();
    let specs: Vec<&AccountSpec> = specs.iter().collect();
    let since = std::time::Instant::now();
    let edited = found.edited(&specs, &[], DAY);
    let took = since.elapsed();
    assert!(edited.refused.is_empty());
    // Searching for each of the thousand in each of the files would take minutes in this build.
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
    eprintln!("1,000 accounts beside 100,000 others: {took:?}");
}

fn foreign_line() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        "[a-z]{1,8}:x:[0-9]{1,5}:[0-9]{1,5}:[^\n:]{0,8}:/[a-z]{0,8}:/bin/sh",
        "[^\n]{0,20}",
        "#[^\n]{0,10}",
    ];
    // Names and numbers of the accounts of the test are not foreign.
    text.prop_filter("ours", |line| {
        !line.starts_with("alice") && !line.starts_with("bobby") && !line.starts_with("berth")
    })
    .prop_map(String::into_bytes)
}

proptest! {
    #[test]
    fn foreign_lines_stay_byte_for_byte_and_in_order(
        lines_before in proptest::collection::vec(foreign_line(), 0..12),
        end in proptest::bool::ANY,
    ) {
        let mut bytes = lines_before.join(&b'\n');
        if end && !bytes.is_empty() {
            bytes.push(b'\n');
        }
        let mut found = fresh();
        found.passwd = Some(bytes.clone());
        found.shadow = Some(bytes.clone());
        found.gshadow = Some([b"berth-sftp:!*::\n".as_slice(), &bytes].concat());
        found.group = Some([b"berth-sftp:x:992:\n".as_slice(), &bytes].concat());
        let specs = [spec("alice", 1, 1), spec("bobby", 2, 1)];
        let result = edited(&found, &specs).files;
        for (before, after) in [
            (&found.passwd, &result.passwd),
            (&found.shadow, &result.shadow),
            (&found.gshadow, &result.gshadow),
            (&found.group, &result.group),
        ] {
            let ours = |line: &&[u8]| {
                [b"alice:".as_slice(), b"bobby:", b"berth-sftp:"].iter().any(|name| line.starts_with(name))
            };
            let kept: Vec<&[u8]> = lines(after.as_deref().unwrap()).filter(|line| !ours(line)).collect();
            let there: Vec<&[u8]> = lines(before.as_deref().unwrap()).filter(|line| !ours(line)).collect();
            prop_assert_eq!(kept, there);
        }
    }
}
