//! Plesk's XML API: every sample of its documents, and what a client can do wrong.

use axum::body::Body;
use serde_json::json;

use crate::world::{Asking, World};

const PATH: &str = "/enterprise/control/agent.php";
const PASSWORD: &str = "violet anchor drizzle";

struct Plesk {
    world: World,
    /// The number of Bella's first site.
    site: String,
}

impl Plesk {
    async fn new() -> Self {
        let world = World::new().await;
        let password = json!({ "password": PASSWORD });
        for user in ["admin"] {
            world
                .operator("PUT", &format!("/api/v1/users/{user}/password"))
                .json(&password)
                .await
                .expect(200);
        }
        let body = json!({
            "username": "bella", "email": "bella@example.net", "display_name": "Bella", "role": "user",
            "package": "standard", "primary_domain": "bella-site.com",
        });
        world.operator("POST", "/api/v1/users").json(&body).await.expect(201);
        world
            .operator("POST", "/api/v1/users/bella/domains")
            .json(&json!({"domain": "bella-second.com"}))
            .await
            .expect(201);
        world.operator("PUT", "/api/v1/users/bella/password").json(&password).await.expect(200);
        let plesk = Self { world, site: String::new() };
        let found = plesk.send("<packet><site><get><filter><name>bella-site.com</name></filter><dataset><gen_info/></dataset></get></site></packet>").await;
        let site = between(&found, "<id>", "</id>").to_owned();
        Self { site, ..plesk }
    }

    fn asking(&self) -> Asking<'_> {
        self.world.network("POST", PATH).header("Content-Type", "text/xml")
    }

    async fn send(&self, packet: &str) -> String {
        self.send_as("admin", packet).await
    }

    async fn send_as(&self, login: &str, packet: &str) -> String {
        let asking = self.asking().header("HTTP_AUTH_LOGIN", login).header("HTTP_AUTH_PASSWD", PASSWORD);
        let reply = asking.body(Body::from(packet.to_owned())).await.expect(200);
        assert!(reply.header("content-type").starts_with("text/xml"));
        reply.text.split_once("?>").unwrap().1.trim().to_owned()
    }

    /// Sends one operation of `webuser` and gives what is in the operation's element.
    async fn webuser(&self, operation: &str) -> String {
        let reply = self.send(&format!("<packet><webuser>{operation}</webuser></packet>")).await;
        let inner = between(&reply, "<packet><webuser>", "</webuser></packet>");
        let name = operation.trim_start_matches('<').split('>').next().unwrap();
        between(inner, &format!("<{name}>"), &format!("</{name}>")).to_owned()
    }

    async fn add(&self, login: &str, more: &str) -> String {
        let site = &self.site;
        self.webuser(&format!("<add><site-id>{site}</site-id><login>{login}</login>{more}</add>")).await
    }
}

#[track_caller]
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("no {begin} in {text}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} in {text}")).0
}

#[track_caller]
fn code(result: &str) -> u32 {
    assert!(result.starts_with("<result><status>error</status><errcode>"), "{result}");
    between(result, "<errcode>", "</errcode>").parse().unwrap()
}

#[tokio::test]
async fn the_samples_of_the_document() {
    let plesk = Plesk::new().await;
    let packet = format!(
        "<packet>\n<webuser>\n<add>\n   <site-id>{}</site-id>\n   <login>myWebAccount</login>\n</add>\n</webuser>\n</packet>\n",
        plesk.site
    );
    let reply = plesk.send(&packet).await;
    assert_eq!(
        reply,
        "<packet><webuser><add><result><status>ok</status><id>1</id></result></add></webuser></packet>"
    );
    let reply = plesk
        .send("<packet><webuser><add><site-id>9999</site-id><login>tom</login></add></webuser></packet>")
        .await;
    assert_eq!(
        reply,
        "<packet><webuser><add><result><status>error</status><errcode>1015</errcode>\
         <errtext>Domain does not exist</errtext></result></add></webuser></packet>"
    );
}

#[tokio::test]
async fn a_web_user_is_added_shown_changed_and_deleted() {
    let plesk = Plesk::new().await;
    let site = plesk.site.clone();
    let added = plesk.add("lena", "<password>Qx7!mmr2</password><ftp-quota>-1</ftp-quota>").await;
    assert_eq!(added, "<result><status>ok</status><id>1</id></result>");
    let shown = plesk.webuser(&format!("<get><filter><site-id>{site}</site-id></filter></get>")).await;
    assert_eq!(
        shown,
        format!(
            "<result><status>ok</status><filter-id>{site}</filter-id><id>1</id><login>lena</login>\
             <ftp-quota>-1</ftp-quota><services><service><name>php</name><value>true</value></service>\
             </services></result>"
        )
    );
    let set = plesk
        .webuser(
            "<set><filter><login>LENA</login></filter><values><password>a1b2c3</password>\
             <ftp-quota>1048576</ftp-quota><services><service><name>php</name><value>0</value></service>\
             </services></values></set>",
        )
        .await;
    assert_eq!(set, "<result><status>ok</status><filter-id>LENA</filter-id><id>1</id></result>");
    let shown = plesk.webuser("<get><filter><id>1</id></filter></get>").await;
    assert_eq!(
        shown,
        "<result><status>ok</status><filter-id>1</filter-id><id>1</id><login>lena</login>\
         <ftp-quota>1048576</ftp-quota></result>"
    );
    let narrowed = format!("<get><filter><login>lena</login></filter><site-id>{site}</site-id></get>");
    assert!(plesk.webuser(&narrowed).await.contains("<login>lena</login>"));
    let elsewhere = "<get><filter><login>lena</login></filter><site-name>bella-second.com</site-name></get>";
    assert_eq!(code(&plesk.webuser(elsewhere).await), 1013);
    let deleted = plesk.webuser("<del><filter><login>lena</login></filter></del>").await;
    assert_eq!(deleted, "<result><status>ok</status><filter-id>lena</filter-id><id>1</id></result>");
    let gone = plesk.webuser("<get><filter><id>1</id></filter></get>").await;
    assert_eq!(code(&gone), 1013);
    assert!(gone.contains("<filter-id>1</filter-id><id>1</id>"), "{gone}");
    let nobody = plesk.webuser(&format!("<get><filter><site-id>{site}</site-id></filter></get>")).await;
    assert_eq!(nobody, format!("<result><status>ok</status><filter-id>{site}</filter-id></result>"));
    assert_eq!(
        plesk.add("lena", "").await,
        "<result><status>ok</status><id>2</id></result>",
        "a number is never used again"
    );
}

#[tokio::test]
async fn preferences_win_over_services() {
    let plesk = Plesk::new().await;
    let site = plesk.site.clone();
    let filter = format!("<filter><site-id>{site}</site-id></filter>");
    let on = plesk.webuser(&format!("<get-prefs>{filter}</get-prefs>")).await;
    assert_eq!(
        on,
        format!(
            "<result><status>ok</status><filter-id>{site}</filter-id><id>{site}</id>\
             <wuscripts>true</wuscripts></result>"
        )
    );
    let off = plesk
        .webuser(&format!("<set-prefs>{filter}<values><wuscripts>0</wuscripts></values></set-prefs>"))
        .await;
    assert_eq!(
        off,
        format!("<result><status>ok</status><filter-id>{site}</filter-id><id>{site}</id></result>")
    );
    let php = "<services><service><name>php</name><value>true</value></service></services>";
    assert_eq!(code(&plesk.add("eve", php).await), 1023);
    assert!(plesk.add("eve", "").await.contains("ok"));
    assert!(!plesk.webuser("<get><filter><login>eve</login></filter></get>").await.contains("services"));
    let named = "<get-prefs><filter><site-name>none.com</site-name></filter></get-prefs>";
    assert_eq!(code(&plesk.webuser(named).await), 1015);
}

#[tokio::test]
async fn what_is_refused_has_its_code() {
    let plesk = Plesk::new().await;
    assert!(plesk.add("Taken", "").await.contains("ok"));
    let service = |name: &str, value: &str| {
        format!("<services><service><name>{name}</name><value>{value}</value></service></services>")
    };
    for (login, more, expected) in [
        ("taken", "", 1007),
        ("bella", "", 1007),
        ("1abc", "", 1019),
        ("a b", "", 1019),
        ("mailman", "", 1019),
        ("root", "", 1019),
        ("u1", "<password>1234</password>", 1019),
        ("u1", "<password>123456789012345</password>", 1019),
        ("u1", "<password>it's-a-quote</password>", 1019),
        ("u1", "<password>with blank</password>", 1019),
        ("longer", "<password>xlongerx</password>", 1019),
        ("u1", "<password>a:b:c</password><password-type>crypt</password-type>", 1019),
        ("u1", "<ftp-quota>-2</ftp-quota>", 1019),
        ("u1", &service("cobol", "true"), 1019),
        ("u1", &service("cgi", "true"), 1026),
    ] {
        assert_eq!(code(&plesk.add(login, more).await), expected, "{login} {more}");
    }
    for (login, more) in [
        ("ok1", "<password></password>"),
        ("ok2", "<password>12345</password><password-type>plain</password-type>"),
        ("ok3", "<password>$1$abc$defghij</password><password-type>crypt</password-type>"),
        ("ok4", &service("cgi", "false")),
    ] {
        assert!(plesk.add(login, more).await.starts_with("<result><status>ok"), "{login}");
    }
}

#[tokio::test]
async fn a_packet_of_the_wrong_form_does_nothing() {
    let plesk = Plesk::new().await;
    let site = plesk.site.clone();
    let good = format!("<add><site-id>{site}</site-id><login>good</login></add>");
    for (operation, text) in [
        ("<add><login>x</login></add>", "This element is not expected. Expected is ( site-id )"),
        ("<add><site-id>1</site-id></add>", "Missing child element(s). Expected is ( login )"),
        (
            "<add><site-id>x</site-id><login>x</login></add>",
            "'x' is not a valid value of the atomic type 'int'",
        ),
        ("<add><site-id/><login>x</login></add>", "'' is not a valid value of the atomic type 'int'"),
        (
            "<add><site-id>1</site-id><login>x</login><ftp-quota>1</ftp-quota><password>12345</password></add>",
            "'password': This element is not expected. Expected is ( services )",
        ),
        ("<add><site-id>1</site-id><login>x</login><colour>red</colour></add>", "'colour'"),
        (
            "<add><site-id>1</site-id><login>x</login><password-type>plain</password-type></add>",
            "'password-type'",
        ),
        ("<fly/>", "'fly': This element is not expected. Expected is one of ( add, del, get"),
        ("<get><filter/></get>", "'filter'"),
        ("<get><filter><id>1</id><login>x</login></filter></get>", "'login'"),
        ("<set><filter><id>1</id></filter></set>", "( values )"),
        ("<set-prefs><filter><site-id>1</site-id></filter><values/></set-prefs>", "wuscripts"),
    ] {
        let reply = plesk.send(&format!("<packet><webuser>{good}{operation}</webuser></packet>")).await;
        assert!(
            reply.starts_with("<packet><system><status>error</status><errcode>1014</errcode>"),
            "{operation}: {reply}"
        );
        assert!(reply.contains(text), "{operation}: {reply}");
    }
    for packet in ["", "<packet>", "<!DOCTYPE x [<!ENTITY a 'b'>]><packet/>", "<other/>", "\u{0}"] {
        assert!(plesk.send(packet).await.contains("<errcode>1014</errcode>"), "{packet}");
    }
    assert!(plesk.send("<packet><flying><get/></flying></packet>").await.contains("1014"));
    assert_eq!(code(&plesk.webuser("<get><filter><login>good</login></filter></get>").await), 1013);
}

#[tokio::test]
async fn a_hundred_operations_of_which_thirty_seven_fail() {
    let plesk = Plesk::new().await;
    let mut packet = String::from("<packet version=\"1.6.3.0\">");
    for number in 0..100 {
        let site = if number < 37 { "9999" } else { plesk.site.as_str() };
        let add = format!("<add><site-id>{site}</site-id><login>user{number}</login></add>");
        packet = packet + "<webuser>" + &add + "</webuser>";
    }
    packet.push_str("</packet>");
    let reply = plesk.send(&packet).await;
    assert!(reply.starts_with("<packet version=\"1.6.3.0\">"), "{reply}");
    let results: Vec<&str> = reply.split("<webuser>").skip(1).collect();
    assert_eq!(results.len(), 100);
    for (number, result) in results.iter().enumerate() {
        let expected = if number < 37 { "<errcode>1015</errcode>" } else { "<status>ok</status>" };
        assert!(result.contains(expected), "{number}: {result}");
    }
}

#[tokio::test]
async fn who_is_asking() {
    let plesk = Plesk::new().await;
    let packet = "<packet><server><get_protos/></server></packet>";
    let send = |headers: Vec<(&'static str, &'static str)>| {
        let asking =
            headers.into_iter().fold(plesk.asking(), |asking, (name, value)| asking.header(name, value));
        async { asking.body(Body::from(packet)).await.expect(200).text }
    };
    assert!(send(vec![]).await.contains("<errcode>1001</errcode>"));
    let wrong = vec![("HTTP_AUTH_LOGIN", "admin"), ("HTTP_AUTH_PASSWD", "wrong")];
    assert!(send(wrong).await.contains("<errcode>1001</errcode>"));
    let unknown = vec![("HTTP_AUTH_LOGIN", "nobody"), ("HTTP_AUTH_PASSWD", PASSWORD)];
    assert!(send(unknown).await.contains("<errcode>1001</errcode>"));
    assert!(send(vec![("KEY", "none")]).await.contains("<errcode>11003</errcode>"));
    let by_address = vec![("HTTP_AUTH_LOGIN", "admin@example.org"), ("HTTP_AUTH_PASSWD", PASSWORD)];
    assert!(send(by_address).await.contains("<proto>1.6.3.0</proto>"));
    let made = plesk
        .send("<packet><secret_key><create><description>x</description></create></secret_key></packet>")
        .await;
    let key = between(&made, "<key>", "</key>").to_owned();
    let by_key = plesk.asking().header("KEY", &key).body(Body::from(packet)).await.expect(200).text;
    assert!(by_key.contains("<proto>1.6.9.1</proto>"), "{by_key}");
    assert!(plesk.send("<packet version='100.0.0'/>").await.contains("<errcode>1005</errcode>"));
}

#[tokio::test]
async fn a_customer_reaches_only_their_own() {
    let plesk = Plesk::new().await;
    let body = json!({
        "username": "carol", "email": "carol@example.net", "display_name": "Carol", "role": "user",
        "package": "standard", "primary_domain": "carol-site.com", "password": PASSWORD,
    });
    plesk.world.operator("POST", "/api/v1/users").json(&body).await.expect(201);
    let site = plesk.site.clone();
    assert!(plesk.add("lena", "").await.contains("ok"));
    let packet = |operation: &str| format!("<packet><webuser>{operation}</webuser></packet>");
    let add = packet(&format!("<add><site-id>{site}</site-id><login>x</login></add>"));
    assert!(plesk.send_as("carol", &add).await.contains("<errcode>1006</errcode>"));
    assert!(plesk.send_as("bella", &add).await.contains("<status>ok</status>"));
    let get = packet("<get><filter><login>lena</login></filter></get>");
    assert!(plesk.send_as("carol", &get).await.contains("<errcode>1013</errcode>"));
    let del = packet("<del><filter><id>1</id></filter></del>");
    assert!(plesk.send_as("carol", &del).await.contains("<errcode>1013</errcode>"));
    let all = "<packet><webspace><get><filter/><dataset><gen_info/></dataset></get></webspace></packet>";
    let seen = plesk.send_as("carol", all).await;
    assert!(seen.contains("carol-site.com") && !seen.contains("bella"), "{seen}");
    let seen = plesk.send(all).await;
    assert!(seen.contains("carol-site.com") && seen.contains("bella-site.com"), "{seen}");
}

#[tokio::test]
async fn what_has_nothing_behind_says_so() {
    let plesk = Plesk::new().await;
    for packet in [
        "<dns><get_rec><filter/></get_rec></dns>",
        "<customer><add><gen_info/></add></customer>",
        "<certificate><install/></certificate>",
    ] {
        let reply = plesk.send(&format!("<packet>{packet}</packet>")).await;
        assert!(reply.contains("<errcode>1017</errcode>"), "{packet}: {reply}");
    }
    let pretty = plesk
        .asking()
        .header("HTTP_AUTH_LOGIN", "admin")
        .header("HTTP_AUTH_PASSWD", PASSWORD)
        .header("HTTP_PRETTY_PRINT", "TRUE")
        .body(Body::from("<packet><server><get><gen_info/></get></server></packet>"))
        .await
        .text;
    assert!(pretty.contains("\n      <result>\n"), "{pretty}");
}
