use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_server::config::{Listen, Tls};
use berth_server::listen::{Admission, Certificate, Panel, UnixSocket};
use reqwest::{Client, ClientBuilder, Version};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

/// Makes a certificate for `localhost` in a directory.
#[expect(clippy::disallowed_methods, reason = "files of a test need no atomic replacement")]
fn certificate(dir: &Path) -> (Tls, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls { certificate: dir.join("panel.crt"), key: dir.join("panel.key") };
    std::fs::write(&tls.certificate, made.cert.pem()).unwrap();
    std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
    (tls, made.cert.pem())
}

fn client(pem: &str) -> ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().tls_certs_only([reqwest::Certificate::from_pem(pem.as_bytes()).unwrap()])
}

async fn panel(world: &World, listen: Listen) -> (u16, String, tokio::task::JoinHandle<()>) {
    let (tls, pem) = certificate(world.dir.path());
    let certificate = Arc::new(Certificate::load(tls).unwrap());
    let listen = Listen { panel: "127.0.0.1:0".parse().unwrap(), ..listen };
    let panel = Panel::bind(&listen, certificate).await.unwrap();
    let port = panel.address().unwrap().port();
    (port, pem, tokio::spawn(panel.serve(world.rest.router(), world.shutdown.clone())))
}

#[tokio::test]
async fn the_panel_speaks_tls_with_both_versions_and_both_protocols() {
    let world = World::new().await;
    let (_, secret) = world.api_key("admin", &["read"]).await;
    let (port, pem, _) = panel(&world, Listen::default()).await;
    let base = format!("https://localhost:{port}");
    for (client, version) in [
        (client(&pem), Version::HTTP_2),
        (client(&pem).http1_only(), Version::HTTP_11),
        (client(&pem).tls_version_max(reqwest::tls::Version::TLS_1_2), Version::HTTP_2),
    ] {
        let client = client.build().unwrap();
        let answer = client.get(format!("{base}/api/v1/users")).bearer_auth(&secret).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
        assert!(answer.headers().contains_key("strict-transport-security"));
        let page: Value = answer.json().await.unwrap();
        assert_eq!(page["items"][0]["email"], "admin@example.org");
        let answer = client.get(format!("{base}/api/v1/users")).send().await.unwrap();
        assert_eq!(answer.status(), 401);
    }
    let stranger = Client::builder().tls_certs_only([]).build().unwrap();
    assert!(stranger.get(&base).send().await.is_err(), "the certificate proves who answers");
    let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "nothing is served in the clear");
}

#[tokio::test]
async fn one_address_can_not_take_every_connection() {
    let world = World::new().await;
    let listen = Listen { connections_per_address: 2, ..Listen::default() };
    let (port, pem, _) = panel(&world, listen).await;
    let held = [TcpStream::connect(("127.0.0.1", port)).await, TcpStream::connect(("127.0.0.1", port)).await];
    tokio::time::sleep(Duration::from_millis(100)).await;
    let client = client(&pem).build().unwrap();
    let address = format!("https://localhost:{port}/health/live");
    assert!(client.get(&address).send().await.is_err());
    drop(held);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(client.get(&address).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_operator_socket_knows_who_asks() {
    let world = World::new().await;
    let path = world.dir.path().join("operator.sock");
    let socket = UnixSocket::bind(&path, Admission::Everybody).unwrap();
    tokio::spawn(socket.serve(world.rest.router(), world.shutdown.clone()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().unix_socket(path.as_path()).build().unwrap();
    let answer = client.get("http://berth/api/v1/users").send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    if rustix::process::geteuid().is_root() {
        assert_eq!(status, 200, "{body}");
        let log = world.operator("GET", "/api/v1/audit").send().await.expect(200).body;
        assert_eq!(log["items"][0]["actor"], "root on the host");
    } else {
        assert_eq!((status, body["code"].as_str()), (403, Some("forbidden")));
    }
}

#[tokio::test]
async fn ending_finishes_what_is_under_way_and_keeps_nobody_waiting() {
    let world = World::new().await;
    world.hosted_user().await;
    let operator = world.dir.path().join("operator.sock");
    let agent = world.dir.path().join("agent.sock");
    let serving = [
        tokio::spawn(
            UnixSocket::bind(&operator, Admission::Everybody)
                .unwrap()
                .serve(world.rest.router(), world.shutdown.clone()),
        ),
        tokio::spawn(
            UnixSocket::bind(&agent, Admission::RootAndSelf)
                .unwrap()
                .serve(world.rest.agent_router(), world.shutdown.clone()),
        ),
    ];
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pull = tokio::spawn(async move {
        let client = Client::builder().unix_socket(agent.as_path()).build().unwrap();
        let body = r#"{"cursor":4294967295,"audit":0,"limit":1,"wait_ms":30000,"version":"1"}"#;
        client.post("http://berth/agent/v1/pull").body(body).send().await.unwrap().status().as_u16()
    });
    let (_, secret) = world.api_key("admin", &["read"]).await;
    let wait = tokio::spawn(async move {
        let client = Client::builder().unix_socket(operator.as_path()).build().unwrap();
        let address = "http://berth/api/v1/users/bella/conditions?wait_ms=30000";
        client.get(address).bearer_auth(secret).send().await.unwrap().status().as_u16()
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!pull.is_finished() && !wait.is_finished());
    let started = Instant::now();
    world.stop.send(true).unwrap();
    assert_eq!((pull.await.unwrap(), wait.await.unwrap()), (503, 200));
    for listener in serving {
        listener.await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(10));
}
