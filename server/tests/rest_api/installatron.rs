//! Installatron's API, with the vendor's own examples.

use axum::http::StatusCode;
use serde_json::{Value, json};

use axum::body::Body;

use crate::world::{Reply, World};

async fn key(world: &World) -> String {
    let answer = world.operator("POST", "/api/v1/installatron/key").send().await.expect(201);
    answer.body["key"].as_str().unwrap().to_owned()
}

async fn call(world: &World, key: &str, method: &str, path: &str, body: Value) -> Reply {
    let request = world.network(method, path).header("x-api-key", key).header("accept", "application/json");
    if body.is_null() { request.send().await } else { request.json(&body).await }
}

/// The vendor's example of a request.
fn example() -> Value {
    json!({
        "id": "useraccountname",
        "websites": [
            {
                "path": "sftp://exampleftpuser:exampleftppassword@website.com",
                "label": "website.com",
                "server": "website.com",
                "reseller": "root",
                "vhosts": { "http://website.com": "httpdocs", "http://www.website.com": "httpdocs" }
            },
            {
                "path": "sftp://exampleftpuser:exampleftppassword@website.com/subdomain",
                "label": "subdomain.website.com",
                "email": "user@mail.com",
                "vhosts": {
                    "http://subdomain.website.com": "httpdocs/subdomain",
                    "https://subdomain.website.com": "httpdocs/subdomain"
                }
            }
        ]
    })
}

#[tokio::test]
async fn the_vendors_first_example() {
    let world = World::new().await;
    let key = key(&world).await;
    let answer = call(&world, &key, "POST", "/users", example()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let body = &answer.body;
    assert_eq!(
        (&body["result"], &body["status"], &body["errcode"], &body["errfield"], &body["message"]),
        (&json!(true), &json!(200), &Value::Null, &Value::Null, &json!("The task is complete.\n"))
    );
    assert_eq!(
        body["data"],
        json!({
            "id": "useraccountname",
            "parent": "admin",
            "type": "user",
            "suspended": false,
            "locale": "en",
            "email": "",
            "package": "",
            "websites": [
                {
                    "path": "sftp://exampleftpuser:exampleftppassword@website.com",
                    "label": "website.com",
                    "server": "website.com",
                    "parent": "admin",
                    "databases": [],
                    "vhosts": { "http://website.com": "httpdocs", "http://www.website.com": "httpdocs" }
                },
                {
                    "path": "sftp://exampleftpuser:exampleftppassword@website.com/subdomain",
                    "label": "subdomain.website.com",
                    "server": "website.com",
                    "parent": "admin",
                    "email": "user@mail.com",
                    "databases": [],
                    "vhosts": {
                        "http://subdomain.website.com": "httpdocs/subdomain",
                        "https://subdomain.website.com": "httpdocs/subdomain"
                    }
                }
            ]
        })
    );
    let shown = call(&world, &key, "GET", "/users/useraccountname", Value::Null).await;
    assert_eq!(shown.body["data"], body["data"]);
    // The second example changes only what it names, and shows what is stored.
    let second = json!({ "id": "useraccountname", "type": "reseller", "email": "address@website.com" });
    let answer = call(&world, &key, "POST", "/users", second).await;
    assert_eq!(answer.body["data"]["type"], "reseller");
    assert_eq!(answer.body["data"]["email"], "address@website.com");
    assert_eq!(answer.body["data"]["websites"], body["data"]["websites"]);
    // Other dialects show them too.
    let user = world.operator("GET", "/api/v1/users/useraccountname").send().await.expect(200);
    assert_eq!(user.body["role"], "reseller");
}

#[tokio::test]
async fn keys_are_two_and_nothing_else_opens() {
    let world = World::new().await;
    let first = key(&world).await;
    let second = key(&world).await;
    for good in [&first, &second] {
        assert_eq!(call(&world, good, "GET", "/users", Value::Null).await.status, 200);
    }
    let third = key(&world).await;
    assert_eq!(call(&world, &third, "GET", "/users", Value::Null).await.status, 200);
    for bad in [first.as_str(), "", "wrong", "installatron_", "berth_x_y"] {
        let answer = call(&world, bad, "GET", "/users", Value::Null).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{bad}");
        assert_eq!(
            (&answer.body["result"], &answer.body["errcode"]),
            (&json!(false), &json!("invalid_api_key"))
        );
        assert_eq!(answer.body["data"], Value::Null);
    }
    // A key of Berth's own has the rights that it has.
    let (_, secret) = world.api_key("admin", &["read", "users"]).await;
    assert_eq!(call(&world, &secret, "GET", "/users", Value::Null).await.status, 200);
}

#[tokio::test]
async fn refusals_name_their_field() {
    let world = World::new().await;
    let key = key(&world).await;
    for (body, status, errcode, errfield) in [
        (json!({}), 403, "invalid_argument_id", json!("id")),
        (json!({ "id": "Not A Name" }), 403, "invalid_argument_id", json!("id")),
        (json!({ "id": "mira", "type": "root" }), 400, "invalid_argument_type", json!("type")),
        (json!({ "id": "mira", "parent": "nobody" }), 400, "invalid_argument_parent", json!("parent")),
        (
            json!({ "id": "mira", "suspended": "perhaps" }),
            400,
            "invalid_argument_suspended",
            json!("suspended"),
        ),
        (json!({ "id": "mira", "dryrun": "some" }), 400, "invalid_argument_dryrun", json!("dryrun")),
        (json!({ "id": "mira", "websites": [{}] }), 400, "empty_argument_path", json!("websites[0][path]")),
        (
            json!({ "id": "mira", "websites": [{ "path": "c:\\inetpub\\vhosts\\DOMAIN" }] }),
            400,
            "invalid_argument_path",
            json!("websites[0][path]"),
        ),
        (
            json!({ "id": "mira", "websites": [{ "path": "/home/x" }] }),
            400,
            "empty_argument_uid",
            json!("websites[0][uid]"),
        ),
    ] {
        let answer = call(&world, &key, "POST", "/users", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {answer:?}");
        assert_eq!(
            (&answer.body["errcode"], &answer.body["errfield"], &answer.body["status"]),
            (&json!(errcode), &errfield, &json!(status)),
            "{body}"
        );
    }
    let missing = call(&world, &key, "GET", "/users/nobody", Value::Null).await;
    assert_eq!((missing.status.as_u16(), &missing.body["errcode"]), (404, &json!("user_not_found")));
    let missing = call(&world, &key, "POST", "/users/nobody", json!({ "email": "a@b.example" })).await;
    assert_eq!(missing.status.as_u16(), 404);
}

#[tokio::test]
async fn dry_runs_change_nothing() {
    let world = World::new().await;
    let key = key(&world).await;
    let before = world.operator("GET", "/api/v1/users").send().await.expect(200).body;
    let mut body = example();
    body["dryrun"] = json!("input");
    let answer = call(&world, &key, "POST", "/users", body).await;
    assert_eq!((answer.status.as_u16(), &answer.body["errcode"]), (200, &json!("complete_dryrun")));
    assert_eq!(answer.body["result"], json!(true));
    // Loopback is refused before anything is connected to.
    let body = json!({
        "id": "mira", "dryrun": "all",
        "websites": [{ "path": "sftp://u:p@127.0.0.1", "label": "x" }, { "path": "ftp://u:p@169.254.169.254", "label": "y" }]
    });
    let answer = call(&world, &key, "POST", "/users", body).await;
    assert_eq!((answer.status.as_u16(), &answer.body["errcode"]), (400, &json!("invalid_argument_path")));
    assert_eq!(answer.body["errfield"], "websites[0][path]");
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains("x: 127.0.0.1") && message.contains("y: 169.254.169.254"), "{message}");
    assert!(!message.contains(":p@"), "{message}");
    assert_eq!(world.operator("GET", "/api/v1/users").send().await.expect(200).body, before);
}

#[tokio::test]
async fn forms_overrides_and_deletion() {
    let world = World::new().await;
    let key = key(&world).await;
    let form = "id=mira&suspended=no&websites[0][path]=sftp%3A%2F%2Fftp1%3As%2540fe%40web7.example.net\
                &websites[0][vhosts][http%3A%2F%2Fexample.net]=httpdocs\
                &websites[0][databases][0][host]=localhost&websites[0][databases][0][name]=n\
                &websites[0][databases][0][user]=u&websites[0][databases][0][pass]=secret-of-the-database";
    let answer = world
        .network("POST", "/users")
        .header("x-api-key", &key)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let site = &answer.body["data"]["websites"][0];
    assert_eq!((&site["label"], &site["server"]), (&json!("example.net"), &json!("web7.example.net")));
    assert_eq!(site["databases"][0]["pass"], "secret-of-the-database");
    // Nothing of it is readable where it is stored.
    let stored: Vec<u8> = std::fs::read_dir(world.dir.path())
        .unwrap()
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    for secret in ["secret-of-the-database", "s%40fe", "s@fe"] {
        assert!(!stored.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
    let looked = world
        .network("POST", "/users/mira")
        .header("x-api-key", &key)
        .header("x-http-method-override", "GET")
        .send()
        .await;
    assert_eq!(looked.body["data"]["id"], "mira");
    let rehearsed = call(&world, &key, "DELETE", "/users/mira", json!({ "dryrun": "all" })).await;
    assert_eq!(rehearsed.body["errcode"], "complete_dryrun");
    let deleted = call(&world, &key, "DELETE", "/users/mira", Value::Null).await;
    assert_eq!((deleted.status.as_u16(), &deleted.body["data"]), (200, &Value::Null));
    assert_eq!(call(&world, &key, "GET", "/users/mira", Value::Null).await.status.as_u16(), 404);
    world.operator("GET", "/api/v1/users/mira").send().await.expect(404);
}

#[tokio::test]
async fn a_user_with_an_account_is_shown_and_only_forgotten() {
    let world = World::new().await;
    world.hosted_user().await;
    let key = key(&world).await;
    let shown = call(&world, &key, "GET", "/users/bella", Value::Null).await;
    let site = &shown.body["data"]["websites"][0];
    assert_eq!(site["path"], "/home/bella");
    assert_eq!(site["vhosts"]["https://bella-site.com"], "domains/bella-site.com/public_html");
    assert_eq!(
        (&shown.body["data"]["package"], &shown.body["data"]["email"]),
        (&json!("standard"), &json!("bella@example.net"))
    );
    let listed = call(&world, &key, "GET", "/users?limit=1&offset=1", Value::Null).await;
    assert_eq!((&listed.body["total_count"], listed.body["data"].as_array().unwrap().len()), (&json!(2), 1));
    call(&world, &key, "DELETE", "/users/bella", Value::Null).await.expect(200);
    assert_eq!(call(&world, &key, "GET", "/users/bella", Value::Null).await.status.as_u16(), 404);
    world.operator("GET", "/api/v1/users/bella").send().await.expect(200);
    // Defining websites again brings the user back.
    let again = call(&world, &key, "POST", "/users", json!({ "id": "bella", "language": "nl" })).await;
    assert_eq!(again.body["data"]["locale"], "nl");
    let admin = call(&world, &key, "DELETE", "/users/admin", Value::Null).await;
    assert_eq!(admin.status.as_u16(), 403);
}

#[tokio::test]
async fn suspending_here_is_suspending_everywhere() {
    let world = World::new().await;
    world.hosted_user().await;
    let key = key(&world).await;
    let suspend = |suspended: bool| json!({ "id": "bella", "suspended": suspended });
    for _ in 0..2 {
        let answer = call(&world, &key, "POST", "/users", suspend(true)).await.expect(200);
        assert_eq!(answer.body["data"]["suspended"], true);
    }
    let user = world.operator("GET", "/api/v1/users/bella").send().await.expect(200).body.to_string();
    assert!(user.contains("\"operator\"") && user.contains("\"full\""), "{user}");
    // What is not said stays.
    let answer = call(&world, &key, "POST", "/users", json!({ "id": "bella" })).await.expect(200);
    assert_eq!(answer.body["data"]["suspended"], true);
    let answer = call(&world, &key, "POST", "/users", suspend(false)).await.expect(200);
    assert_eq!(answer.body["data"]["suspended"], false);
    let admin = call(&world, &key, "POST", "/users", json!({ "id": "admin", "suspended": true })).await;
    assert_eq!((admin.status.as_u16(), &admin.body["errcode"]), (400, &json!("invalid_argument_suspended")));
    let new = json!({ "id": "mira", "suspended": true });
    let answer = call(&world, &key, "POST", "/users", new).await.expect(200);
    assert_eq!(answer.body["data"]["suspended"], true);
}
