use std::path::Path;

use crate::world::World;

/// Run it with `UPDATE_OPENAPI=1` to write the document after a change of the API.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "writes a file of the repository when a developer asks for it")]
async fn the_description_is_served_as_it_is_committed() {
    let world = World::new().await;
    let served = world.network("GET", "/api/v1/openapi.json").send().await.expect(200);
    assert_eq!(served.header("content-type"), "application/json");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&committed, &served.text).unwrap();
    }
    let known = std::fs::read_to_string(&committed).unwrap_or_default();
    assert!(known == served.text, "docs/openapi.json is out of date: run this test with UPDATE_OPENAPI=1");
}

#[tokio::test]
async fn pages_for_people_load_only_what_we_serve() {
    let world = World::new().await;
    for path in ["/login", "/api/v1/docs"] {
        let page = world.network("GET", path).send().await.expect(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert!(page.header("strict-transport-security").starts_with("max-age="));
        for loaded in page.text.split("<link rel=\"stylesheet\" href=\"").skip(1) {
            let place = loaded.split('"').next().unwrap();
            let style = world.network("GET", place).send().await.expect(200);
            assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
        }
        for link in page.text.split("href=\"/").skip(1) {
            let place = format!("/{}", link.split('"').next().unwrap());
            // The front page leads on.
            let status = if place == "/" { 303 } else { 200 };
            world.network("GET", &place).send().await.expect(status);
        }
    }
    let local = world.operator("GET", "/login").send().await.expect(200);
    assert_eq!(local.header("strict-transport-security"), "");
}

#[tokio::test]
async fn health_needs_no_key_and_notices_a_lost_database() {
    let world = World::new().await;
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(world.network("GET", path).send().await.expect(200).body["status"], "ok");
        world.network("HEAD", path).send().await.expect(200);
    }
    world.app.store.close().await;
    world.network("GET", "/health/live").send().await.expect(200);
    world.network("GET", "/health/ready").send().await.refused(503, "unavailable");
    world.operator("GET", "/api/v1/users").send().await.refused(503, "unavailable");
}

#[tokio::test]
async fn figures_are_for_operators() {
    let world = World::new().await;
    world.hosted_user().await;
    world.network("GET", "/metrics").send().await.refused(401, "unauthenticated");
    let (_, bella) = world.api_key("bella", &["read"]).await;
    world.network("GET", "/metrics").key(&bella).send().await.refused(403, "forbidden");
    let (_, admin) = world.api_key("admin", &["read"]).await;
    world.network("GET", "/metrics").key(&admin).send().await.expect(200);
    let figures = world.operator("GET", "/metrics").send().await.expect(200);
    assert!(figures.header("content-type").starts_with("text/plain; version=0.0.4"));
    for figure in [
        "berth_http_requests_total{method=\"POST\",route=\"/api/v1/users\",status=\"201\"}",
        "berth_http_request_seconds_bucket{method=\"GET\",route=\"/metrics\"",
        "berth_accounts{node=\"node1\",state=\"provisioning\"} 1",
        "berth_accounts{node=\"node1\",state=\"converged\"} 0",
    ] {
        assert!(figures.text.contains(figure), "{figure} is not in {}", figures.text);
    }
}
