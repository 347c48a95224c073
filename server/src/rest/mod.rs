//! REST: `/api/v1`, with health, metrics and the pages that describe it. One file per resource, one function
//! per operation; each reads its input, calls one verb of [`crate::app`] and writes what it answered.

mod answer;
mod api_keys;
mod audit;
pub mod bodies;
mod body;
mod caller;
mod certificates;
mod description;
mod domains;
mod drift;
mod egress;
mod events;
mod health;
mod installatron;
mod invitations;
mod life;
mod limits;
mod logs;
mod metrics;
mod nodes;
mod observe;
mod packages;
pub mod params;
mod path;
mod problem;
mod query;
mod sessions;
mod settings;
mod ssh_keys;
mod timers;
mod users;
mod web_users;
mod webhooks;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use problem::{MEDIA_TYPE as PROBLEM_MEDIA_TYPE, ProblemDocument};

use crate::app::App;
use crate::config::Rate;
use crate::listen::Shutdown;
use crate::{link, panel, plesk};
use limits::Limits;

pub(crate) use body::{parse as parse_json, read as read_body};
pub(crate) use limits::Origin;
pub(crate) use problem::Refusal;

/// What every request is answered with: the verbs' world, and the bounds of this process.
#[derive(Clone)]
pub struct Rest {
    app: Arc<App>,
    limits: Arc<Limits>,
    shutdown: Shutdown,
    metrics: PrometheusHandle,
}

impl Rest {
    /// Puts the parts together.
    pub fn new(app: Arc<App>, rate: &Rate, shutdown: Shutdown, metrics: PrometheusHandle) -> Self {
        Self { app, limits: Arc::new(Limits::new(rate)), shutdown, metrics }
    }

    /// What the panel's port and the operator's socket answer.
    pub fn router(&self) -> Router {
        let (api, document) = operations().split_for_parts();
        let description = description::Served::new(&crate::openapi::complete(document));
        let pages = api.merge(panel::routes()).merge(plesk::routes()).merge(description.routes());
        self.guard(pages.layer(from_fn_with_state(self.clone(), crate::installatron::divert)))
    }

    /// What Installatron's own port answers.
    pub fn installatron_router(&self) -> Router {
        self.guard(crate::installatron::routes())
    }

    /// What a port without TLS answers, for networks that are trusted: the dialects and nothing else.
    pub fn plain_router(&self) -> Router {
        let dialects = plesk::routes();
        self.guard(dialects.layer(from_fn_with_state(self.clone(), crate::installatron::divert)))
    }

    /// What the agent's socket answers.
    pub fn agent_router(&self) -> Router {
        self.guard(link::routes())
    }

    /// Frees what idle visitors occupy; to be called now and then.
    pub fn forget_idle(&self) {
        self.limits.forget_idle();
        self.metrics.run_upkeep();
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Refuses to look at credentials from where too many wrong ones came.
    pub(crate) fn may_try(&self, origin: Origin) -> Result<(), Refusal> {
        self.limits.may_try(origin)
    }

    /// Counts wrong credentials.
    pub(crate) fn failed(&self, origin: Origin) {
        self.limits.failed(origin);
    }

    pub(crate) fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    fn guard(&self, routes: Router<Self>) -> Router {
        routes
            .layer(CatchPanicLayer::custom(|said: Box<dyn Any + Send>| observe::panicked(said.as_ref())))
            .layer(from_fn_with_state(self.clone(), observe::observe))
            .with_state(self.clone())
    }
}

/// The API's description as it comes out of the code.
pub(crate) fn described() -> OpenApi {
    operations().split_for_parts().1
}

fn operations() -> OpenApiRouter<Rest> {
    let api = OpenApiRouter::new()
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show, users::edit, life::delete))
        .routes(routes!(life::suspend))
        .routes(routes!(life::activate))
        .routes(routes!(life::restore))
        .routes(routes!(life::purge))
        .routes(routes!(life::show_purge))
        .routes(routes!(users::set_password))
        .routes(routes!(users::set_role))
        .routes(routes!(users::set_package))
        .routes(routes!(users::set_sftp))
        .routes(routes!(users::conditions))
        .routes(routes!(sessions::list, sessions::revoke_all))
        .routes(routes!(sessions::revoke))
        .routes(routes!(sessions::logins))
        .routes(routes!(sessions::second_factor, sessions::require_second_factor))
        .routes(routes!(sessions::reset_second_factor))
        .routes(routes!(sessions::mails))
        .routes(routes!(sessions::resend_mail))
        .routes(routes!(sessions::recover))
        .routes(routes!(invitations::list, invitations::invite))
        .routes(routes!(invitations::resend))
        .routes(routes!(invitations::revoke))
        .routes(routes!(settings::show, settings::edit))
        .routes(routes!(domains::list, domains::add))
        .routes(routes!(domains::show, domains::edit, domains::remove))
        .routes(routes!(domains::verify))
        .routes(routes!(domains::approve))
        .routes(routes!(certificates::list))
        .routes(routes!(certificates::show))
        .routes(routes!(certificates::renew))
        .routes(routes!(web_users::list, web_users::add))
        .routes(routes!(web_users::show, web_users::edit, web_users::delete))
        .routes(routes!(web_users::preferences, web_users::set_preferences))
        .routes(routes!(logs::read))
        .routes(routes!(ssh_keys::list, ssh_keys::add))
        .routes(routes!(ssh_keys::remove))
        .routes(routes!(egress::show))
        .routes(routes!(egress::add_rule))
        .routes(routes!(egress::remove_rule))
        .routes(routes!(timers::list, timers::add))
        .routes(routes!(timers::show, timers::edit, timers::remove))
        .routes(routes!(timers::runs))
        .routes(routes!(timers::run))
        .routes(routes!(packages::list, packages::create))
        .routes(routes!(packages::show, packages::edit, packages::delete))
        .routes(routes!(nodes::list))
        .routes(routes!(nodes::show))
        .routes(routes!(nodes::audit))
        .routes(routes!(drift::list))
        .routes(routes!(drift::show))
        .routes(routes!(drift::adopt))
        .routes(routes!(drift::revert))
        .routes(routes!(nodes::quarantine))
        .routes(routes!(nodes::show_quarantine))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(events::list))
        .routes(routes!(webhooks::list, webhooks::add))
        .routes(routes!(webhooks::show, webhooks::remove))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::delivery))
        .routes(routes!(webhooks::replay))
        .routes(routes!(installatron::rotate_key))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify));
    OpenApiRouter::new()
        .nest("/api/v1", api)
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::render))
}
