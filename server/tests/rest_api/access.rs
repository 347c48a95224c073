use berth_core::Code;

use crate::world::{World, filled, operations};

#[tokio::test]
async fn nobody_gets_anything_without_a_key() {
    let world = World::new().await;
    let bella = world.hosted_user().await;
    let mut asked = 0;
    for operation in operations() {
        let path = filled(&operation.path, &bella, "00000000-0000-7000-8000-000000000000");
        let reply = world.network(&operation.method, &path).json(&operation.example()).await;
        if operation.public {
            assert_eq!(reply.status, 200, "{path}");
        } else {
            let reply = reply.refused(401, "unauthenticated");
            assert!(reply.header("www-authenticate").starts_with("Bearer"), "{path}");
            asked += 1;
        }
    }
    assert!(asked > 20);
}

#[tokio::test]
async fn wrong_keys_are_no_keys() {
    let world = World::new().await;
    let (id, secret) = world.api_key("admin", &["read"]).await;
    let mut wrong = secret.clone();
    wrong.pop();
    let other = if secret.ends_with('A') { 'B' } else { 'A' };
    let path = "/api/v1/users";
    for bad in [
        format!("Bearer {wrong}{other}"),
        format!("Bearer {wrong}"),
        format!("Bearer berth_{}_{}", id.replace('-', ""), "x".repeat(43)),
        "Bearer berth_00000000000070008000000000000000_secret".to_owned(),
        "Bearer ".to_owned(),
        "Bearer".to_owned(),
        format!("Basic {secret}"),
        secret.clone(),
    ] {
        world.network("GET", path).header("Authorization", &bad).send().await.refused(401, "unauthenticated");
    }
    world.network("GET", path).key(&secret).send().await.expect(200);
    world.network("GET", path).header("Authorization", &format!("bearer {secret}")).send().await.expect(200);
    world.operator("DELETE", &format!("/api/v1/api-keys/{id}")).send().await.expect(200);
    world.network("GET", path).key(&secret).send().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_key_that_may_only_read_changes_nothing() {
    let world = World::new().await;
    let bella = world.hosted_user().await;
    world.left_behind(&["oldsite"]).await;
    let (id, secret) = world.api_key("admin", &["read"]).await;
    let mut refused = 0;
    // There is no node here that would be asked for the lines of a log.
    for operation in operations().into_iter().filter(|operation| !operation.path.contains("/logs/")) {
        let path = filled(&operation.path, &bella, &id);
        let reply = world.network(&operation.method, &path).key(&secret).json(&operation.example()).await;
        if operation.changes() || operation.path.contains("/audit") {
            reply.refused(403, "forbidden");
            refused += 1;
        } else if !operation.path.contains("quarantines") && !operation.path.contains("purges") {
            assert_eq!(reply.status, 200, "{}", reply.asked);
        }
    }
    assert!(refused > 15);
    let log = world.operator("GET", "/api/v1/audit?outcome=refused&limit=200").send().await.expect(200).body;
    let shown = log["items"].as_array().unwrap().len();
    assert!(shown >= refused, "{shown} of {refused} refusals are in the audit log");
}

#[tokio::test]
async fn another_user_of_the_host_is_refused_and_that_is_written_down() {
    let world = World::new().await;
    let bella = world.hosted_user().await;
    for operation in operations().iter().filter(|operation| !operation.public) {
        let path = filled(&operation.path, &bella, "00000000-0000-7000-8000-000000000000");
        world.local(&operation.method, &path).json(&operation.example()).await.refused(403, "forbidden");
    }
    let log = world.operator("GET", "/api/v1/audit?outcome=refused").send().await.expect(200).body;
    assert_eq!(log["items"][0]["actor"], "host user 4711");
    let (_, secret) = world.api_key("admin", &["read"]).await;
    world.local("GET", "/api/v1/users").key(&secret).send().await.expect(200);
}

#[tokio::test]
async fn addresses_know_their_methods_and_nothing_else_is_there() {
    let world = World::new().await;
    let bella = world.hosted_user().await;
    let operations = operations();
    for operation in &operations {
        let path = filled(&operation.path, &bella, "00000000-0000-7000-8000-000000000000");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            if !operations.iter().any(|known| known.path == operation.path && known.method == method) {
                let reply = world.operator(method, &path).send().await.refused(405, "method_not_allowed");
                assert!(reply.header("allow").contains(&operation.method), "{}", reply.asked);
            }
        }
    }
    for path in
        ["/nothing", "/api", "/api/v1", "/api/v1/", "/api/v1/users/", "/api/v2/users", "/agent/v1/pull"]
    {
        world.operator("GET", path).send().await.refused(404, "not_found");
        world.network("POST", path).send().await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_by_its_kind() {
    let world = World::new().await;
    world.hosted_user().await;
    for (path, code) in [
        ("users/nobody", Code::UserNotFound),
        ("users/Not%20A%20Name", Code::UserNotFound),
        ("users/%FF", Code::NotFound),
        ("users/..%2f..%2fetc", Code::UserNotFound),
        ("packages/none", Code::PackageNotFound),
        ("packages/NONE%00", Code::PackageNotFound),
        ("nodes/none", Code::NodeNotFound),
    ] {
        let path = format!("/api/v1/{path}");
        world.operator("GET", &path).send().await.refused(404, code.as_str());
    }
    for (path, code) in [
        ("users/bella/domains/none.example.com", Code::DomainNotFound),
        ("users/bella/domains/not_a_domain", Code::DomainNotFound),
        ("users/bella/ssh-keys/SHA256:none", Code::SshKeyNotFound),
        ("users/bella/egress/rules/none", Code::EgressRuleNotFound),
        ("api-keys/not-an-id", Code::ApiKeyNotFound),
        ("packages/none", Code::PackageNotFound),
    ] {
        let path = format!("/api/v1/{path}");
        world.operator("DELETE", &path).send().await.refused(404, code.as_str());
    }
}
