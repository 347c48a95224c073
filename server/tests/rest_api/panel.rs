//! The panel without a browser: who may see which page, what forms have to carry, and what becomes of texts.

use axum::body::Body;

use crate::world::{Asking, Reply, World};

/// The pages and forms of the panel, with names that exist.
const PAGES: &[&str] = &[
    "/",
    "/search?q=a",
    "/styleguide",
    "/users",
    "/users.csv",
    "/users/new",
    "/users/bella",
    "/users/bella/sites",
    "/users/bella/keys",
    "/users/bella/timers",
    "/users/bella/egress",
    "/users/bella/activity",
    "/users/bella/security",
    "/users/bella/resources",
    "/users/bella/role",
    "/users/bella/sftp",
    "/users/bella/sites/bella-site.com",
    "/users/bella/resources/events",
    "/overview",
    "/sites",
    "/keys",
    "/timers",
    "/egress",
    "/profile",
    "/nodes",
    "/activity",
    "/audit",
    "/plans",
];

const FORMS: &[&str] = &[
    "/impersonation/end",
    "/theme",
    "/users/new",
    "/users/new/preview",
    "/users/bella/profile",
    "/users/bella/role",
    "/users/bella/sftp",
    "/users/bella/sites",
    "/users/bella/keys",
    "/users/bella/timers",
    "/users/bella/egress",
    "/users/bella/sites/bella-second.com/remove",
    "/users/bella/timers/nightly/run",
    "/users/bella/sessions/all",
    "/nodes/node1/audit",
    "/audit",
];

/// A browser with its cookies.
struct Browser<'a> {
    world: &'a World,
    cookies: String,
}

impl<'a> Browser<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, cookies: String::new() }
    }

    async fn signed_in(world: &'a World, name: &str, password: &str) -> Self {
        let mut browser = Self::new(world);
        let page = browser.get("/login").await.expect(200);
        let form = format!("csrf={}&name={name}&password={password}&next=/profile", csrf(&page));
        let reply = browser.post("/login", &form).await.expect(303);
        assert_eq!(reply.header("location"), "/profile");
        browser
    }

    fn asking(&self, method: &str, path: &str) -> Asking<'_> {
        self.world.network(method, path).header("Accept", "text/html").header("Cookie", &self.cookies)
    }

    async fn get(&mut self, path: &str) -> Reply {
        let reply = self.asking("GET", path).send().await;
        self.keep(&reply);
        reply
    }

    async fn post(&mut self, path: &str, form: &str) -> Reply {
        let reply = self
            .asking("POST", path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .await;
        self.keep(&reply);
        reply
    }

    fn keep(&mut self, reply: &Reply) {
        for cookie in reply.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            for part in ["Path=/", "Secure", "HttpOnly", "SameSite="] {
                assert!(cookie.contains(part), "{cookie}");
            }
            assert!(cookie.starts_with("__Host-"), "{cookie}");
            let pair = cookie.split(';').next().unwrap();
            self.cookies = format!("{pair}; {}", self.cookies);
        }
    }
}

/// The token of the first form of a page.
fn csrf(page: &Reply) -> String {
    let start = page.text.split("name=\"csrf\" value=\"").nth(1).unwrap_or_else(|| panic!("{}", page.text));
    start.split('"').next().unwrap().to_owned()
}

async fn password_of(world: &World, user: &str) -> String {
    let path = format!("/api/v1/users/{user}/password");
    let set = world.operator("PUT", &path).send().await.expect(200);
    set.body["password"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_page_takes_a_session_and_every_form_its_token() {
    let world = World::new().await;
    world.hosted_user().await;
    let mut stranger = Browser::new(&world);
    for path in PAGES {
        let reply = stranger.get(path).await.expect(303);
        assert!(reply.header("location").starts_with("/login"), "{path}");
    }
    let password = password_of(&world, "admin").await;
    let mut admin = Browser::signed_in(&world, "admin", &password).await;
    let before = world.everything().await;
    for path in FORMS {
        let reply = stranger.post(path, "csrf=x").await.expect(303);
        assert!(reply.header("location").starts_with("/login"), "{path}");
        for form in ["", "csrf=", "csrf=0000", "csrf=x&csrf="] {
            admin.post(path, form).await.expect(403);
        }
    }
    let token = csrf(&admin.get("/profile").await.expect(200));
    // Whoever acts for themselves has nothing to end.
    let nothing = admin.post("/impersonation/end", &format!("csrf={token}")).await;
    assert!(nothing.status.is_client_error() && nothing.status.as_u16() != 403, "{}", nothing.text);
    for (name, value) in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        let body = Body::from(format!("csrf={token}"));
        let reply = admin
            .asking("POST", "/audit")
            .header("Host", "panel.example")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header(name, value);
        reply.body(body).await.expect(403);
    }
    assert_eq!(world.everything().await, before, "nothing of it changed anything");
}

#[tokio::test]
async fn pages_of_an_operator_answer_and_carry_what_keeps_them_safe() {
    let world = World::new().await;
    world.hosted_user().await;
    let password = password_of(&world, "admin").await;
    let mut admin = Browser::signed_in(&world, "admin", &password).await;
    for path in PAGES.iter().filter(|path| !path.ends_with("/events") && !path.contains("/sites/")) {
        let own = ["/overview", "/sites", "/keys", "/timers", "/egress"].contains(path);
        let reply = admin.get(path).await;
        if own || *path == "/" {
            // An administrator without an account has none of it.
            reply.expect(303);
            continue;
        }
        let reply = reply.expect(200);
        if *path == "/users.csv" {
            continue;
        }
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        for inline in [" style=", "<style", "javascript:", " onclick=", "<script>"] {
            assert!(!reply.text.contains(inline), "{path} holds {inline}");
        }
        assert!(reply.text.contains("<html lang=\"en\""), "{path}");
    }
}

#[tokio::test]
async fn an_owner_sees_their_own_and_nobody_else_s() {
    let world = World::new().await;
    world.hosted_user().await;
    let password = password_of(&world, "bella").await;
    let mut bella = Browser::signed_in(&world, "bella", &password).await;
    for path in ["/overview", "/sites", "/keys", "/timers", "/egress", "/profile"] {
        bella.get(path).await.expect(200);
    }
    for path in ["/users/admin", "/users/admin/security", "/users/admin/role", "/styleguide"] {
        bella.get(path).await.expect(404);
    }
    for path in ["/nodes", "/audit", "/activity", "/plans", "/users/new"] {
        bella.get(path).await.expect(403);
    }
    let list = bella.get("/users").await.expect(200);
    assert!(!list.text.contains("admin@"), "the list holds only oneself");
}

#[tokio::test]
async fn what_is_stored_is_shown_as_text_in_every_field() {
    let world = World::new().await;
    world.hosted_user().await;
    let password = password_of(&world, "admin").await;
    let mut admin = Browser::signed_in(&world, "admin", &password).await;
    let page = admin.get("/users/bella").await.expect(200);
    let version = page.text.split("name=\"version\" value=\"").nth(1).unwrap();
    let version = version.split('"').next().unwrap();
    let evil = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22'%26";
    let form = format!(
        "csrf={}&version={version}&display_name={evil}&email=bella@example.net&address={evil}&phone=&timezone=&language=en",
        csrf(&page)
    );
    admin.post("/users/bella/profile", &form).await.expect(303);
    for path in ["/users", "/users/bella", "/users/bella/activity", "/activity", "/audit", "/search?q=alert"]
    {
        let page = admin.get(path).await.expect(200);
        assert!(!page.text.contains("<script>alert"), "{path}");
        assert!(
            path.contains("audit") || path.contains("activity") || page.text.contains("&#60;script&#62;"),
            "{path}"
        );
    }
    for query in [evil, "role:%3Cscript%3Ealert(1)"] {
        let page = admin.get(&format!("/users?q={query}")).await.expect(200);
        assert!(!page.text.contains("<script>alert"));
    }
}

#[tokio::test]
async fn nobody_is_led_away_and_no_header_is_smuggled_in() {
    let world = World::new().await;
    let password = password_of(&world, "admin").await;
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example", "/%0d%0aSet-Cookie:%20x=1"] {
        let mut browser = Browser::new(&world);
        let page = browser.get("/login").await.expect(200);
        let form = format!("csrf={}&name=admin&password={password}&next={next}", csrf(&page));
        let reply = browser.post("/login", &form).await.expect(303);
        let place = reply.header("location");
        assert!(place.starts_with('/') && !place.contains("evil"), "{next} leads to {place}");
        assert!(!reply.headers.contains_key("x"), "{next}");
    }
}

#[tokio::test]
async fn a_wrong_password_says_no_more_than_a_wrong_name() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let page = browser.get("/login").await.expect(200);
    let mut texts = Vec::new();
    for name in ["admin", "nobody-at-all"] {
        let form = format!("csrf={}&name={name}&password=wrong-password-1&next=/", csrf(&page));
        let reply = browser.post("/login", &form).await;
        assert!(reply.status.is_client_error());
        assert!(!reply.headers.contains_key("set-cookie"));
        texts.push(reply.text.replace(name, "NAME"));
    }
    assert_eq!(texts[0], texts[1]);
}
