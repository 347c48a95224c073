use serde_json::{Value, json};

use crate::world::{World, filled, operations, public_key};

#[tokio::test]
async fn a_dry_run_answers_a_plan_and_changes_nothing() {
    let world = World::new().await;
    let bella = world.hosted_user().await;
    world.left_behind(&["oldsite"]).await;
    let (id, _) = world.api_key("bella", &["read"]).await;
    world.closed_users().await;
    let (_, admin) = world
        .api_key(
            "admin",
            &[
                "read", "users", "domains", "keys", "timers", "packages", "nodes", "api_keys", "webhooks",
                "audit", "settings",
            ],
        )
        .await;
    world.network("GET", "/api/v1/users").key(&admin).send().await.expect(200);
    let body = json!({"email": "invited@example.com", "role": "user"});
    let invited = world.operator("POST", "/api/v1/invitations").json(&body).await.expect(201);
    let invited = invited.body["invitation"]["id"].as_str().unwrap().to_owned();
    let before = world.everything().await;
    let mut checked = 0;
    let mut refused = Vec::new();
    for operation in operations().iter().filter(|operation| operation.changes()) {
        assert!(operation.dry_run, "{} {} can't be tried", operation.method, operation.path);
        let path = filled(&operation.path, &bella, &id);
        // What has to be closed before it can be opened.
        let path = match operation.path.rsplit('/').next() {
            Some("activate") => path.replace("bella", "suzy"),
            Some("restore") => path.replace("bella", "trudy"),
            _ if path.starts_with("/api/v1/invitations/") => path.replace(&id, &invited),
            _ => path,
        };
        let ask = async |mode: &str| {
            let path = format!("{path}?dry_run={mode}");
            world.network(&operation.method, &path).key(&admin).json(&operation.example()).await
        };
        // Nobody has signed in or been written to here, and an administrator is let in by root only.
        let no_object = [("/sessions/", "session_not_found"), ("/mails/", "mail_not_found")];
        if let Some((_, code)) = no_object.iter().find(|(part, _)| operation.path.contains(part)) {
            ask("plan").await.refused(404, code);
            continue;
        }
        // Being refused leaves a trace in the audit log, so that comes behind the comparison.
        if operation.path.ends_with("/recover") {
            refused.push((operation.method.clone(), format!("{path}?dry_run=plan"), operation.example()));
            continue;
        }
        let plan = ask("plan").await.expect(200);
        assert!(!plan.body["changes"].as_array().unwrap().is_empty(), "{}: {}", plan.asked, plan.text);
        assert!(plan.body.get("password").is_none() && plan.body.get("secret").is_none());
        for mode in ["input", "all"] {
            let check = ask(mode).await.expect(204);
            assert!(check.text.is_empty(), "{}", check.asked);
        }
        checked += 1;
    }
    assert!(checked > 15, "{checked}");
    let after = world.everything().await;
    assert_eq!(before, after);
    assert!(!refused.is_empty());
    for (method, path, body) in refused {
        world.network(&method, &path).key(&admin).json(&body).await.refused(403, "forbidden");
    }
}

#[tokio::test]
async fn a_dry_run_finds_the_same_problems() {
    let world = World::new().await;
    world.hosted_user().await;
    for mode in ["plan", "input", "all"] {
        let path = format!("/api/v1/users/bella/domains?dry_run={mode}");
        let taken = json!({"domain": "bella-site.com"});
        world.operator("POST", &path).json(&taken).await.refused(409, "domain_taken");
        let path = format!("/api/v1/packages/standard?dry_run={mode}");
        world.operator("DELETE", &path).send().await.refused(409, "package_in_use");
    }
}

#[tokio::test]
async fn what_is_created_has_an_address() {
    let world = World::new().await;
    world.hosted_user().await;
    world.left_behind(&["oldsite"]).await;
    for (path, body) in [
        ("/api/v1/packages", json!({"name": "large", "domains": "unlimited"})),
        ("/api/v1/nodes/node1/quarantines", json!({"username": "oldsite"})),
        (
            "/api/v1/users",
            json!({"email": "dora@example.org", "display_name": "Dora", "role": "admin", "welcome_email": false}),
        ),
    ] {
        let made = world.operator("POST", path).json(&body).await.expect(201);
        let place = made.header("location").to_owned();
        assert!(place.starts_with(path), "{place}");
        world.operator("GET", &place).send().await.expect(200);
    }
    for (path, body) in [
        ("/api/v1/users/bella/domains", json!({"domain": "third.example.com"})),
        ("/api/v1/users/bella/ssh-keys", json!({"key": public_key(9)})),
        ("/api/v1/users/bella/egress/rules", json!({"network": "10.0.0.0/8", "port": "25"})),
        ("/api/v1/api-keys", json!({"label": "x", "scopes": ["read"], "user": "bella"})),
    ] {
        let made = world.operator("POST", path).json(&body).await.expect(201);
        let place = made.header("location").to_owned();
        assert!(place.starts_with(path), "{place}");
        let gone = world.operator("DELETE", &place).send().await;
        assert!(gone.status.is_success(), "{}: {}", gone.asked, gone.text);
    }
}

#[tokio::test]
async fn a_generated_secret_is_answered_once() {
    let world = World::new().await;
    let body = json!({"email": "dora@example.org", "display_name": "Dora", "role": "admin"});
    let made = world.operator("POST", "/api/v1/users").json(&body).await.expect(201);
    let password = made.body["password"].as_str().unwrap().to_owned();
    assert!(password.len() >= 20);
    assert_eq!(made.header("cache-control"), "no-store");
    let again = world.operator("POST", "/api/v1/users").json(&body).await.expect(200);
    assert_eq!(again.body["replayed"], true);
    assert!(again.body.get("password").is_none());
    let id = made.body["id"].as_str().unwrap();
    let set = world.operator("PUT", &format!("/api/v1/users/{id}/password")).send().await.expect(200);
    assert!(set.body["password"].as_str().unwrap().len() >= 20);
    let supplied = json!({"password": "correct-horse-battery-staple"});
    let set =
        world.operator("PUT", &format!("/api/v1/users/{id}/password")).json(&supplied).await.expect(200);
    assert!(set.body.get("password").is_none());
    for path in ["users", &format!("users/{id}"), "audit"] {
        let shown = world.operator("GET", &format!("/api/v1/{path}")).send().await.expect(200).text;
        assert!(!shown.contains(&password) && !shown.contains("correct-horse"), "{path}");
    }
}

#[tokio::test]
async fn an_edit_of_another_version_is_refused() {
    let world = World::new().await;
    world.hosted_user().await;
    for (path, first, second) in [
        ("/api/v1/users/bella", json!({"phone": "+49 30 1"}), json!({"phone": "+49 30 2"})),
        ("/api/v1/packages/standard", json!({"domains": 7}), json!({"domains": 8})),
    ] {
        let read = world.operator("GET", path).send().await.expect(200);
        let seen = read.header("etag").to_owned();
        assert_eq!(seen, format!("\"{}\"", read.body["version"]));
        let edit = async |tag: &str, body: &Value| {
            world.operator("PATCH", path).header("If-Match", tag).json(body).await
        };
        let edited = edit(&seen, &first).await.expect(200);
        let now = edited.header("etag").to_owned();
        assert_ne!(now, seen);
        edit(&seen, &second).await.refused(412, "precondition_failed");
        edit(&format!("W/{now}"), &second).await.refused(412, "precondition_failed");
        assert_eq!(edit("nonsense", &second).await.refused(422, "value_invalid").body["field"], "If-Match");
        let read = world.operator("GET", path).send().await.expect(200);
        assert_eq!(read.header("etag"), now, "a refused edit changes nothing");
        edit(&now, &second).await.expect(200);
        edit("*", &first).await.expect(200);
        world.operator("PATCH", path).json(&second).await.expect(200);
    }
}

#[tokio::test]
async fn an_idempotency_key_does_it_once() {
    let world = World::new().await;
    world.hosted_user().await;
    let ask = async |path: &str, key: &str, body: &Value| {
        world.operator("POST", path).header("Idempotency-Key", key).json(body).await
    };
    let carla = json!({
        "username": "carla", "email": "carla@example.org", "display_name": "Carla", "role": "user",
        "package": "standard", "primary_domain": "carla.example.org"
    });
    let first = ask("/api/v1/users", "order-1", &carla).await.expect(201);
    let again = ask("/api/v1/users", "order-1", &carla).await.expect(200);
    assert_eq!(first.body["id"], again.body["id"]);
    assert_eq!(again.body["replayed"], true);
    assert!(first.body["password"].is_string() && again.body.get("password").is_none());
    let other = json!({"email": "dora@example.org", "display_name": "Dora", "role": "admin"});
    ask("/api/v1/users", "order-1", &other).await.refused(409, "idempotency_conflict");
    let taken = ask("/api/v1/users", "order-2", &carla).await.expect(409);
    assert!(taken.problems().contains(&("username".to_owned(), "username_taken".to_owned())));

    let domain = json!({"domain": "once.example.com"});
    let first = ask("/api/v1/users/bella/domains", "order-3", &domain).await.expect(201);
    let again = ask("/api/v1/users/bella/domains", "order-3", &domain).await;
    assert!(again.status.is_success(), "{}", again.text);
    assert_eq!(first.body["id"], again.body["id"]);
    ask("/api/v1/users/bella/domains", "order-4", &domain).await.refused(409, "domain_taken");
    let long = "x".repeat(201);
    let reply = ask("/api/v1/users", &long, &other).await.refused(422, "value_invalid");
    assert_eq!(reply.body["field"], "Idempotency-Key");
}

#[tokio::test]
async fn removals_are_final_and_say_nothing() {
    let world = World::new().await;
    let bella = world.hosted_user().await;
    for path in [
        "/api/v1/users/bella/domains/bella-second.com".to_owned(),
        format!("/api/v1/users/{}/ssh-keys/{}", bella.id, bella.ssh_key),
        format!("/api/v1/users/bella/egress/rules/{}", bella.egress_rule),
        "/api/v1/packages/spare".to_owned(),
    ] {
        assert!(world.operator("DELETE", &path).send().await.expect(204).text.is_empty());
        assert_eq!(world.operator("DELETE", &path).send().await.status, 404, "{path}");
    }
    world
        .operator("DELETE", "/api/v1/users/bella/domains/bella-site.com")
        .send()
        .await
        .refused(409, "domain_primary");
}

#[tokio::test]
async fn a_fingerprint_in_an_address_works_when_escaped() {
    let world = World::new().await;
    world.hosted_user().await;
    let keys = world.operator("GET", "/api/v1/users/bella/ssh-keys").send().await.expect(200).body;
    let fingerprint = keys["items"][0]["fingerprint"].as_str().unwrap();
    let escaped = fingerprint.replace('/', "%2F").replace('+', "%2B");
    world.operator("DELETE", &format!("/api/v1/users/bella/ssh-keys/{escaped}")).send().await.expect(204);
}
