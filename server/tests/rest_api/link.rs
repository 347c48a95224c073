use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::link::{AccountReport, PullRequest, PullResponse, Report};
use berth_server::listen::Peer;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::world::World;

async fn ask(world: &World, path: &str, peer: Peer, body: String) -> (u16, Value) {
    let request = Request::post(path).extension(peer).body(Body::from(body)).unwrap();
    let response = world.rest.agent_router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

const ROOT: Peer = Peer::Local { uid: 0 };

fn pull(cursor: u64, wait_ms: u32) -> String {
    let request =
        PullRequest { cursor, audit: 0, limit: 100, wait_ms, version: "0.1.0".to_owned(), acme: None };
    serde_json::to_string(&request).unwrap()
}

#[tokio::test]
async fn an_agent_pulls_and_reports_until_the_account_has_converged() {
    let world = World::new().await;
    world.hosted_user().await;
    let (status, news) = ask(&world, "/agent/v1/pull", ROOT, pull(0, 0)).await;
    assert_eq!(status, 200, "{news}");
    let news: PullResponse = serde_json::from_value(news).unwrap();
    let spec = news.accounts.first().unwrap();
    assert_eq!(spec.username.as_str(), "bella");

    let conditions =
        Resource::ALL.iter().map(|resource| Condition::new(*resource, ConditionState::Converged)).collect();
    let account = AccountReport { account: spec.account, generation: spec.generation, conditions };
    let report = Report { accounts: vec![account], ..Report::default() };
    let waiting = async {
        let path = "/api/v1/users/bella/conditions?wait_ms=20000";
        world.operator("GET", path).send().await.expect(200)
    };
    let reporting = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ask(&world, "/agent/v1/report", ROOT, serde_json::to_string(&report).unwrap()).await
    };
    let started = Instant::now();
    let (settled, (status, answer)) = tokio::join!(waiting, reporting);
    assert_eq!(status, 204, "{answer}");
    assert_eq!(settled.body["state"], "converged", "{}", settled.text);
    assert!(settled.header("etag").len() > 10);
    assert!(started.elapsed() < Duration::from_secs(10), "the report ends the waiting");
}

#[tokio::test]
async fn an_agent_that_waits_is_told_of_news() {
    let world = World::new().await;
    let started = Instant::now();
    let (waiting, _) = tokio::join!(ask(&world, "/agent/v1/pull", ROOT, pull(0, 20_000)), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.hosted_user().await
    });
    let news: PullResponse = serde_json::from_value(waiting.1).unwrap();
    assert_eq!(news.accounts.len(), 1);
    assert!(started.elapsed() < Duration::from_secs(10));
    let (_, nothing) = ask(&world, "/agent/v1/pull", ROOT, pull(u64::from(u32::MAX), 50)).await;
    assert_eq!(nothing["accounts"], serde_json::json!([]));
}

#[tokio::test]
async fn nobody_else_speaks_as_an_agent() {
    let world = World::new().await;
    let network = Peer::Network("192.0.2.7:50000".parse().unwrap());
    let (status, answer) = ask(&world, "/agent/v1/pull", network, pull(0, 0)).await;
    assert_eq!((status, answer["code"].as_str()), (403, Some("forbidden")));
    for (body, status, code) in [
        ("{", 400, "body_malformed"),
        ("{}", 400, "body_malformed"),
        (r#"{"cursor":0,"audit":0,"limit":1,"wait_ms":0,"version":"1","root":true}"#, 400, "body_malformed"),
    ] {
        let (found, answer) = ask(&world, "/agent/v1/pull", ROOT, body.to_owned()).await;
        assert_eq!((found, answer["code"].as_str()), (status, Some(code)), "{body}");
    }
    let large = "x".repeat(1024 * 1024 + 1);
    assert_eq!(ask(&world, "/agent/v1/report", ROOT, large).await.0, 413);
}
