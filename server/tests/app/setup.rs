use berth_core::Parse;
use berth_core::password::Password;
use berth_core::problem::Code;
use berth_core::role::Role;
use berth_server::app::{self, Setup};

use crate::harness::{Harness, NODE, expect, user};

fn first(password: Option<&str>) -> Setup {
    Setup {
        admin_email: "admin@example.com".parse().unwrap(),
        admin_password: password.map(|text| Password::parse(text).unwrap()),
    }
}

#[tokio::test]
async fn setup_makes_what_an_installation_needs_and_can_be_repeated() {
    let harness = Harness::empty().await;
    let made = app::setup(&harness.app, first(None)).await.unwrap();
    assert_eq!((made.admin_login.as_str(), made.node.as_str(), made.created), ("admin", NODE, true));
    let (password, secret) = (made.admin_password.unwrap(), made.api_key.unwrap());
    assert!(!harness.is_stored(&password));
    let actor = app::authenticate(&harness.app, harness.app.request_id(), &secret, "::1").await.unwrap();
    let admin = app::show_user(&harness.ctx(actor), &user("admin")).await.unwrap();
    assert_eq!(admin.role, Role::Admin);
    let packages = app::list_packages(&harness.root()).await.unwrap();
    assert_eq!(packages[0].features.timers.as_str(), "always", "as the specification says");
    let before = harness.bytes();
    let again = app::setup(&harness.app, first(None)).await.unwrap();
    assert!(!again.created && again.admin_password.is_none() && again.api_key.is_none());
    assert!(harness.bytes() == before, "a second setup has changed something");
}

#[tokio::test]
async fn the_first_admins_password_follows_the_rule() {
    let harness = Harness::empty().await;
    expect(
        app::setup(&harness.app, first(Some("admin@example.com"))).await,
        Code::PasswordInvalid,
        Some("admin_password"),
    );
    let made = app::setup(&harness.app, first(Some("violet anchor drizzle 42"))).await.unwrap();
    assert!(made.created && made.admin_password.is_none());
    assert!(!harness.is_stored("violet anchor drizzle 42"));
}
