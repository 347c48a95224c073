//! What a person sees of themselves: how their account is, their profile, and how they sign in.

use askama::Template;
use axum::extract::Path;
use berth_core::mode::Mode;
use berth_core::role::UserRef;
use berth_core::view::{AccountView, DomainView, LoginView, SecondFactorView, SessionView, UserView};
use berth_core::{Code, Problems};

use super::person::{Tile, profile_form, tiles};
use crate::app::{self, Wait};
use crate::panel::answer::{Answer, Refused, page, see};
use crate::panel::form::Form;
use crate::panel::shell::Shell;
use crate::panel::visitor::{Posted, Visitor};

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    s: Shell,
    account: AccountView,
    base: String,
    tiles: Vec<Tile>,
    meters: Vec<Meter>,
    domains: Vec<DomainView>,
}

/// How much of something is used.
pub(crate) struct Meter {
    pub(crate) label: String,
    pub(crate) used: u64,
    pub(crate) of: u64,
    pub(crate) shown: String,
}

#[derive(Template)]
#[template(path = "profile.html")]
pub(crate) struct OwnProfile {
    s: Shell,
    f: Form,
    base: String,
    theme: &'static str,
    factor: SecondFactorView,
    sessions: Vec<SessionView>,
    logins: Vec<LoginView>,
}

/// `GET /overview`
pub(crate) async fn overview(v: Visitor) -> Answer {
    let Some(account) = v.me.account.clone() else { return Ok(see("/profile")) };
    let named = UserRef::Id(v.me.id);
    let seen = app::conditions(&v.ctx, &named, Wait::default()).await?;
    let domains = app::list_domains(&v.ctx, &named).await?;
    let mut meters = Vec::new();
    for condition in &seen.conditions {
        let number = |name: &str| condition.observed.get(name).and_then(serde_json::Value::as_u64);
        for (label, used, of, unit) in [
            ("usage-disk", "used_mb", "limit_mb", " MB"),
            ("usage-inodes", "used_inodes", "limit_inodes", ""),
        ] {
            if let (Some(used), Some(of)) = (number(used), number(of))
                && of > 0
            {
                let shown = format!("{used}{unit} / {of}{unit}");
                meters.push(Meter { label: v.words.t(label), used, of, shown });
            }
        }
    }
    page(&Overview {
        s: v.shell("overview", v.words.t("overview-title")),
        base: format!("/users/{}", v.me.id),
        tiles: tiles(&seen.conditions, v.words),
        account,
        meters,
        domains,
    })
}

/// `GET /profile`
pub(crate) async fn profile(v: Visitor) -> Answer {
    let me = v.me.clone();
    page(&profile_page(&v, &me, profile_form(&me)).await?)
}

/// The page with a form as it is, or as it was sent.
pub(crate) async fn profile_page(v: &Visitor, me: &UserView, f: Form) -> Result<OwnProfile, Refused> {
    let named = UserRef::Id(me.id);
    let s = v.shell("profile", v.words.t("own-title"));
    Ok(OwnProfile {
        theme: s.theme.unwrap_or("auto"),
        s,
        f,
        base: format!("/users/{}", me.id),
        factor: app::show_second_factor(&v.ctx, &named).await?,
        sessions: app::list_sessions(&v.ctx, &named).await?,
        logins: app::list_logins(&v.ctx, &named).await?.into_iter().take(20).collect(),
    })
}

/// `POST /users/{user}/sessions/{session}`: ends one, or all with `all`.
pub(crate) async fn end_session(
    Path((user, session)): Path<(String, String)>,
    Posted { v, .. }: Posted,
) -> Answer {
    let named: UserRef = berth_core::Parse::parse(&user)?;
    let user = app::show_user(&v.ctx, &named).await?;
    end(&v, &UserRef::Id(user.id), &session).await?;
    Ok(see(&if user.id == v.me.id {
        "/profile?done=session-ended".to_owned()
    } else {
        format!("/users/{}/security?done=session-ended", user.id)
    }))
}

async fn end(v: &Visitor, named: &UserRef, session: &str) -> Result<(), Problems> {
    if session == "all" {
        return app::revoke_sessions(&v.ctx, named, Mode::Apply).await.map(drop);
    }
    let missing = || berth_core::Problem::new(Code::SessionNotFound, "there is no such session");
    let id = session.parse().map_err(|_| missing())?;
    app::revoke_session(&v.ctx, named, id, Mode::Apply).await.map(drop)
}
