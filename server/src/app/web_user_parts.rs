//! What the verbs about web users have in common.

use berth_core::view::WebUserView;
use berth_core::web_user::{CryptHash, NewPassword, WebService, WebUserLogin};
use berth_core::{Code, Problem};
use berth_store::web_users::WebUserRecord;

use super::context::App;
use super::site::Site;

/// A web user as answers show them.
pub(super) fn web_user_view(user: &WebUserRecord, site: &Site, scripts: bool) -> WebUserView {
    WebUserView {
        id: user.number,
        login: user.login.clone(),
        domain: site.domain.fqdn.clone(),
        site: site.number,
        uid: user.uid,
        locked: user.password.is_none(),
        quota_bytes: user.quota,
        services: if scripts { user.services.clone() } else { Vec::new() },
        url: format!("http://{}/~{}/", site.domain.fqdn, user.login),
        created_at: user.created_at,
    }
}

/// Makes sure that a password is one that this web user may have.
pub(super) fn check_password(app: &App, login: &WebUserLogin, password: &NewPassword) -> Result<(), Problem> {
    match password {
        NewPassword::Locked | NewPassword::Hashed(_) => Ok(()),
        NewPassword::Plain(plain) => {
            plain.check(login, app.settings.web_user_password_max).map_err(|problem| problem.at("password"))
        }
    }
}

/// The hash that a password is kept as.
pub(super) async fn hashed(app: &App, password: &NewPassword) -> Result<Option<CryptHash>, Problem> {
    match password {
        NewPassword::Locked => Ok(None),
        NewPassword::Hashed(hash) => Ok(Some(hash.clone())),
        NewPassword::Plain(plain) => app.hasher.crypt(plain, app.randomness.as_ref()).await.map(Some),
    }
}

/// Makes sure that no service is wanted while scripts are off for the site.
pub(super) fn check_services(
    wanted: Option<&[WebService]>,
    scripts: bool,
    site: &Site,
) -> Result<(), Problem> {
    match wanted {
        Some([_, ..]) if !scripts => Err(Problem::new(
            Code::WebScriptsOff,
            format!("scripts of web users are switched off for {}", site.domain.fqdn),
        )
        .at("services")),
        _ => Ok(()),
    }
}

/// Services without order and repetition.
pub(super) fn sorted(services: &[WebService]) -> Vec<WebService> {
    let mut services = services.to_vec();
    services.sort_unstable();
    services.dedup();
    services
}
