use berth_server::config::Rate;

use crate::world::World;

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let world = World::with_rate(&Rate { per_address: 3, per_key: 100, failures: 100 }).await;
    for _ in 0..3 {
        world.network("GET", "/health/live").send().await.expect(200);
    }
    let reply = world.network("GET", "/health/live").send().await.refused(429, "rate_limited");
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    for _ in 0..9 {
        world.operator("GET", "/health/live").send().await.expect(200);
    }
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_refused_and_others_are_not() {
    let world = World::with_rate(&Rate { per_address: 1000, per_key: 2, failures: 100 }).await;
    let (_, busy) = world.api_key("admin", &["read"]).await;
    let (_, other) = world.api_key("admin", &["read"]).await;
    for _ in 0..2 {
        world.network("GET", "/api/v1/packages").key(&busy).send().await.expect(200);
    }
    world.network("GET", "/api/v1/packages").key(&busy).send().await.refused(429, "rate_limited");
    world.network("GET", "/api/v1/packages").key(&other).send().await.expect(200);
}

#[tokio::test]
async fn guessing_keys_is_stopped() {
    let world = World::with_rate(&Rate { per_address: 1000, per_key: 100, failures: 2 }).await;
    let (_, secret) = world.api_key("admin", &["read"]).await;
    for _ in 0..3 {
        world.network("GET", "/api/v1/users").key("berth_x_y").send().await.refused(401, "unauthenticated");
    }
    let reply =
        world.network("GET", "/api/v1/users").key("berth_x_y").send().await.refused(429, "rate_limited");
    assert!(!reply.header("retry-after").is_empty());
    let reply = world.network("GET", "/api/v1/users").key(&secret).send().await;
    reply.refused(429, "rate_limited");
    world.local("GET", "/api/v1/users").key(&secret).send().await.expect(200);
}
