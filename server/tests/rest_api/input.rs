use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use crate::world::{World, filled, operations};

const USERS: &str = "/api/v1/users";

#[tokio::test]
async fn five_mistakes_are_reported_at_once() {
    let world = World::new().await;
    let body = json!({
        "username": "Al", "email": "nowhere", "display_name": "", "role": "king", "package": "standard",
        "primary_domain": "localhost"
    });
    let reply = world.operator("POST", USERS).json(&body).await.expect(422);
    let expected = [
        ("role", "role_invalid"),
        ("username", "username_invalid"),
        ("primary_domain", "domain_invalid"),
        ("email", "email_invalid"),
        ("display_name", "field_missing"),
    ];
    let expected: Vec<_> = expected.iter().map(|(f, c)| ((*f).to_owned(), (*c).to_owned())).collect();
    assert_eq!(reply.problems(), expected);
    assert!(reply.body["problems"][1]["hint"].is_string());
}

#[tokio::test]
async fn every_clash_is_reported_at_once() {
    let world = World::new().await;
    world.hosted_user().await;
    let body = json!({
        "username": "bella", "email": "BELLA@example.net", "display_name": "Other", "role": "user",
        "package": "missing", "primary_domain": "www2.bella-site.com", "password": "password12"
    });
    let problems = world.operator("POST", USERS).json(&body).await.problems();
    for (field, code) in [
        ("username", "username_taken"),
        ("email", "email_taken"),
        ("package", "package_not_found"),
        ("primary_domain", "domain_taken"),
        ("password", "password_invalid"),
    ] {
        assert!(problems.contains(&(field.to_owned(), code.to_owned())), "{field} {code}: {problems:?}");
    }
}

#[tokio::test]
async fn bodies_that_can_not_be_read() {
    let world = World::new().await;
    let send = async |kind: &str, body: Body| {
        world.operator("POST", USERS).header("Content-Type", kind).body(body).await
    };
    for text in [
        "{",
        "[1,2]",
        "null",
        "\"text\"",
        "{} {}",
        "{\"role\":\"user\",\"role\":\"admin\"}",
        "\u{feff}{}",
        "",
    ] {
        send("application/json", Body::from(text)).await.refused(400, "body_malformed");
    }
    send("application/json", Body::from(&b"{\"email\":\"\xff\"}"[..])).await.refused(400, "body_malformed");
    let malformed = send("application/json", Body::from("{\n  \"role\": user\n}")).await;
    assert!(malformed.refused(400, "body_malformed").text.contains("line 2 column 1"));
    let deep = "[".repeat(200_000);
    send("application/json", Body::from(format!("{{\"role\":{deep}"))).await.refused(400, "body_malformed");
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "json"]
    {
        send(kind, Body::from("{}")).await.refused(415, "media_type_unsupported");
    }
    world.operator("POST", USERS).body(Body::from("{}")).await.refused(415, "media_type_unsupported");
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let world = World::new().await;
    let large = format!("{{\"role\":\"{}\"}}", "x".repeat(1024 * 1024));
    let send = async |body: Body, length: Option<usize>| {
        let asking = world.operator("POST", USERS).header("Content-Type", "application/json");
        let length = length.map(|length| length.to_string());
        let asking = match &length {
            Some(length) => asking.header("Content-Length", length),
            None => asking,
        };
        asking.body(body).await
    };
    send(Body::from(large.clone()), None).await.refused(413, "body_too_large");
    send(Body::empty(), Some(usize::MAX)).await.refused(413, "body_too_large");
    let pieces =
        large.as_bytes().chunks(65_536).map(|part| Ok::<_, std::io::Error>(Bytes::copy_from_slice(part)));
    let pieces: Vec<_> = pieces.collect();
    send(Body::new(Pieces(pieces.into_iter())), None).await.refused(413, "body_too_large");
    let broken = vec![Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))];
    send(Body::new(Pieces(broken.into_iter())), None).await.refused(400, "body_malformed");
}

/// A body that comes in pieces.
struct Pieces(std::vec::IntoIter<Result<Bytes, std::io::Error>>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(self.0.next().map(|piece| piece.map(Frame::data)))
    }
}

#[tokio::test]
async fn control_characters_get_nowhere() {
    let world = World::new().await;
    let good = json!({
        "username": "carla", "email": "carla@example.org", "display_name": "Carla", "role": "user",
        "package": "standard", "primary_domain": "carla.example.org"
    });
    for (field, value) in [
        ("username", "car\u{0}la"),
        ("username", "carla\n"),
        ("email", "carla\r\n@example.org"),
        ("display_name", "Car\u{1b}[31mla"),
        ("display_name", "Carla\u{202e}"),
        ("primary_domain", "carla.example.org\u{0}"),
        ("package", "standard\t"),
        ("role", "user\n"),
    ] {
        let mut body = good.clone();
        body[field] = json!(value);
        let reply = world.operator("POST", USERS).json(&body).await.expect(422);
        assert!(reply.problems().iter().any(|(at, _)| at == field), "{field}: {}", reply.text);
        assert!(!reply.text.contains("\\u0000") && !reply.text.contains("\\u001b"), "{}", reply.text);
    }
    world.operator("POST", USERS).json(&good).await.expect(201);
}

#[tokio::test]
async fn every_body_knows_the_fields_that_are_described_and_no_others() {
    let world = World::new().await;
    let bella = world.hosted_user().await;
    let mut checked = 0;
    for operation in operations().iter().filter(|operation| operation.body.is_some()) {
        let path = filled(&operation.path, &bella, "00000000-0000-7000-8000-000000000000");
        let (names, required) = operation.fields();
        let ask = async |body: Value| world.operator(&operation.method, &path).json(&body).await;

        let reply = ask(json!({"colour": 1})).await.expect(422);
        let problems = reply.problems();
        assert!(problems.contains(&("colour".to_owned(), "field_unknown".to_owned())), "{}", reply.text);
        for name in &required {
            let missing = (name.clone(), "field_missing".to_owned());
            assert!(problems.contains(&missing), "{path} {name}: {}", reply.text);
        }

        // A value that no field takes: whatever is wrong then, no name may be unknown.
        let body: serde_json::Map<_, _> = names.iter().map(|name| (name.clone(), json!({"x": 1}))).collect();
        let reply = ask(Value::Object(body)).await;
        assert!(!reply.text.contains("field_unknown"), "{path}: {}", reply.text);
        assert_eq!(reply.status, 422, "{path}: {}", reply.text);
        checked += 1;
    }
    assert!(checked > 9, "{checked}");
}

#[tokio::test]
async fn queries_are_read_strictly() {
    let world = World::new().await;
    let bella = world.hosted_user().await;
    for operation in operations().iter().filter(|operation| !operation.public) {
        let path = filled(&operation.path, &bella, "00000000-0000-7000-8000-000000000000");
        let reply =
            world.operator(&operation.method, &format!("{path}?colour=red")).json(&operation.example()).await;
        let reply = reply.refused(422, "field_unknown");
        assert_eq!(reply.body["field"], "colour");
        if operation.dry_run {
            let path = format!("{path}?dry_run=perhaps");
            let reply = world.operator(&operation.method, &path).json(&operation.example()).await;
            assert_eq!(reply.refused(422, "value_invalid").body["field"], "dry_run");
        } else {
            let path = format!("{path}?dry_run=plan");
            let reply = world.operator(&operation.method, &path).json(&operation.example()).await;
            reply.refused(422, "field_unknown");
        }
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("limit=1&limit=2", "limit"),
        ("role=king", "role"),
        ("cursor=nonsense", "cursor"),
    ] {
        let reply = world.operator("GET", &format!("/api/v1/users?{query}")).send().await.expect(422);
        assert!(
            reply.problems().iter().any(|(at, _)| at == field || at.is_empty()),
            "{query}: {}",
            reply.text
        );
    }
    let reply = world.operator("GET", "/api/v1/users/bella/conditions?wait_ms=30001").send().await;
    assert_eq!(reply.refused(422, "value_invalid").body["field"], "wait_ms");
}

#[tokio::test]
async fn pages_follow_each_other() {
    let world = World::new().await;
    world.hosted_user().await;
    let mut seen = Vec::new();
    let mut query = "limit=1".to_owned();
    loop {
        let page = world.operator("GET", &format!("/api/v1/users?{query}")).send().await.expect(200).body;
        seen.extend(page["items"].as_array().unwrap().iter().map(|user| user["email"].to_string()));
        match page["next"].as_str() {
            Some(next) => query = format!("limit=1&cursor={next}"),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ["\"admin@example.org\"", "\"bella@example.net\""]);
}

#[tokio::test]
async fn requests_keep_the_id_that_they_came_with() {
    let world = World::new().await;
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let reply = world.operator("GET", USERS).header("X-Request-Id", id).send().await.expect(200);
    assert_eq!(reply.header("x-request-id"), id);
    let reply = world.operator("GET", USERS).header("X-Request-Id", "<script>").send().await.expect(200);
    assert_eq!(reply.header("x-request-id").len(), 36);
    assert_ne!(reply.header("x-request-id"), id);
}

#[tokio::test]
async fn a_panic_is_one_failed_request() {
    let world = World::new().await;
    world.clock.break_it();
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let reply = world.operator("GET", "/metrics").header("X-Request-Id", id).send().await;
    let reply = reply.refused(500, "internal");
    assert!(!reply.text.contains("clock"), "what a panic said is for the journal: {}", reply.text);
    world.operator("GET", "/health/live").header("X-Request-Id", id).send().await.expect(200);
}
