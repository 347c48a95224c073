//! The whole server as a process: from its configuration to its end by signal. In a program of its own, since
//! signals and logs belong to the process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of a test fail it where they stand; the exemption for tests covers test functions only"
)]

use std::path::Path;
use std::time::Duration;

use berth_server::config::{Config, Database, Listen, Node, Tls};
use berth_server::random::SystemRandomness;
use berth_server::secret::Keyring;
use reqwest::Client;
use serde_json::Value;

#[expect(clippy::disallowed_methods, reason = "files of a test need no atomic replacement")]
fn configuration(dir: &Path) -> Config {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls { certificate: dir.join("panel.crt"), key: dir.join("panel.key") };
    std::fs::write(&tls.certificate, made.cert.pem()).unwrap();
    std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
    Config {
        database: Database { url: format!("sqlite://{}/berth.db", dir.display()) },
        listen: Listen {
            panel: "127.0.0.1:0".parse().unwrap(),
            operator: dir.join("operator.sock"),
            agent: dir.join("agent.sock"),
            ..Listen::default()
        },
        keyring: dir.join("keyring"),
        tls,
        node: Node { name: Some("node1".to_owned()) },
        ..Config::default()
    }
}

#[tokio::test]
async fn the_server_starts_serves_and_ends_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let config = configuration(dir.path());
    let refused = berth_server::serve(config.clone()).await.unwrap_err();
    assert!(format!("{refused:#}").contains("berth setup"), "without a keyring: {refused:#}");

    let randomness = SystemRandomness::new().unwrap();
    Keyring::load_or_create(&config.keyring, None, &randomness).unwrap();
    let serving = tokio::spawn(berth_server::serve(config.clone()));
    let client = Client::builder().unix_socket(config.listen.operator.as_path()).build().unwrap();
    let mut answer = None;
    for _ in 0..200 {
        assert!(!serving.is_finished(), "{:?}", serving.await);
        match client.get("http://berth/health/ready").send().await {
            Ok(ready) => {
                answer = Some(ready);
                break;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    assert_eq!(answer.unwrap().status(), 200);
    let nodes = client.get("http://berth/api/v1/nodes").send().await.unwrap();
    if rustix::process::geteuid().is_root() {
        assert_eq!(nodes.status(), 200);
        assert!(nodes.json::<Value>().await.unwrap()["items"].is_array());
    } else {
        assert_eq!(nodes.status(), 403);
    }

    let second = berth_server::serve(config.clone()).await.unwrap_err();
    assert!(format!("{second:#}").contains("already listening"), "{second:#}");
    assert_eq!(client.get("http://berth/health/live").send().await.unwrap().status(), 200);

    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), serving).await.unwrap();
    ended.unwrap().unwrap();
    assert!(client.get("http://berth/health/live").send().await.is_err());
}
