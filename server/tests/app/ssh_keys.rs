use berth_core::command::AddSshKey;
use berth_core::mode::Mode;
use berth_core::problem::Code;
use berth_server::app;
use serde_json::json;

use crate::harness::{ED25519, Harness, create_with, done, expect, fields, user};

fn add() -> AddSshKey {
    AddSshKey::parse(fields(json!({ "key": ED25519 }))).unwrap()
}

#[tokio::test]
async fn a_key_comes_once_and_goes_by_id_or_fingerprint() {
    let harness = Harness::new().await;
    let root = harness.root();
    harness.create("alice", "user").await;
    let before = harness.bytes();
    for mode in [Mode::Plan, Mode::CheckOnly] {
        app::add_ssh_key(&root, &user("alice"), add(), mode).await.unwrap();
    }
    assert!(harness.bytes() == before);
    let key = done(app::add_ssh_key(&root, &user("alice"), add(), Mode::Apply).await);
    assert_eq!(key.comment, "alice@laptop");
    assert_eq!(harness.spec("alice").await.sftp.keys[0].fingerprint(), key.fingerprint);
    expect(app::add_ssh_key(&root, &user("alice"), add(), Mode::Apply).await, Code::SshKeyTaken, Some("key"));
    let listed = app::list_ssh_keys(&root, &user("alice")).await.unwrap();
    assert_eq!(listed.first(), Some(&key));
    done(app::remove_ssh_key(&root, &user("alice"), &key.fingerprint, Mode::Apply).await);
    assert!(harness.spec("alice").await.sftp.keys.is_empty());
    expect(
        app::remove_ssh_key(&root, &user("alice"), &key.fingerprint, Mode::Apply).await,
        Code::SshKeyNotFound,
        None,
    );
    let again = done(app::add_ssh_key(&root, &user("alice"), add(), Mode::Apply).await);
    done(app::remove_ssh_key(&root, &user("alice"), &again.id.to_string(), Mode::Apply).await);
}

#[tokio::test]
async fn a_key_can_come_with_the_user_and_is_one_accounts_only() {
    let harness = Harness::new().await;
    let command = create_with("alice", "user", &json!({ "ssh_keys": [ED25519] }));
    done(app::create_user(&harness.root(), command, Mode::Apply).await);
    harness.create("bob", "user").await;
    let key = app::list_ssh_keys(&harness.root(), &user("alice")).await.unwrap().remove(0);
    expect(
        app::remove_ssh_key(&harness.root(), &user("bob"), &key.id.to_string(), Mode::Apply).await,
        Code::SshKeyNotFound,
        None,
    );
    done(app::add_ssh_key(&harness.root(), &user("bob"), add(), Mode::Apply).await);
}
