//! The installation as operators see it: nodes, what happened, the log of audits, packages.

use askama::Template;
use axum::extract::{Path, RawQuery};
use berth_core::Fields;
use berth_core::mode::Mode;
use berth_core::view::{AuditVerification, NodeView, PackageView};
use serde_json::{Map, Value};

use super::person::{Happened, happened};
use crate::app::{self, ListAudit};
use crate::panel::answer::{Answer, page, see};
use crate::panel::shell::Shell;
use crate::panel::visitor::{Posted, Visitor};

#[derive(Template)]
#[template(path = "nodes.html")]
struct Nodes {
    s: Shell,
    nodes: Vec<NodeView>,
}

#[derive(Template)]
#[template(path = "activity.html")]
struct Activity {
    s: Shell,
    events: Vec<Happened>,
    next: Option<String>,
    verified: Option<AuditVerification>,
    audit: bool,
    filter: AuditForm,
}

/// The filters of the log as they were typed.
#[derive(Default)]
pub(crate) struct AuditForm {
    pub(crate) user: String,
    pub(crate) action: String,
    pub(crate) outcome: String,
    pub(crate) problems: Vec<String>,
}

#[derive(Template)]
#[template(path = "plans.html")]
struct Plans {
    s: Shell,
    packages: Vec<PackageView>,
}

/// `GET /nodes`
pub(crate) async fn nodes(v: Visitor) -> Answer {
    let nodes = app::list_nodes(&v.ctx).await?;
    page(&Nodes { s: v.shell("nodes", v.words.t("nodes-title")), nodes })
}

/// `POST /nodes/{node}/audit`
pub(crate) async fn audit_node(Path(node): Path<String>, Posted { v, .. }: Posted) -> Answer {
    app::audit_node(&v.ctx, &node, Mode::Apply).await?;
    Ok(see("/nodes?done=looked"))
}

/// `GET /activity`: what was done, as sentences.
pub(crate) async fn activity(v: Visitor, RawQuery(raw): RawQuery) -> Answer {
    let s = v.shell("activity", v.words.t("activity-title"));
    events(&v, s, raw.as_deref(), false, None).await
}

/// `GET /audit`: the whole log, with filters.
pub(crate) async fn audit(v: Visitor, RawQuery(raw): RawQuery) -> Answer {
    let s = v.shell("audit", v.words.t("audit-title"));
    events(&v, s, raw.as_deref(), true, None).await
}

/// `POST /audit`: checks that nothing was altered.
pub(crate) async fn verify(Posted { v, .. }: Posted) -> Answer {
    let verified = app::verify_audit(&v.ctx).await?;
    let s = v.shell("audit", v.words.t("audit-title"));
    events(&v, s, None, true, Some(verified)).await
}

async fn events(
    v: &Visitor,
    s: Shell,
    raw: Option<&str>,
    audit: bool,
    verified: Option<AuditVerification>,
) -> Answer {
    let mut map = Map::new();
    let mut filter = AuditForm::default();
    for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
        let value = value.trim();
        match name.as_ref() {
            "user" => value.clone_into(&mut filter.user),
            "action" => value.clone_into(&mut filter.action),
            "outcome" => value.clone_into(&mut filter.outcome),
            "cursor" => {}
            _ => continue,
        }
        if !value.is_empty() {
            map.insert(name.into_owned(), Value::String(value.to_owned()));
        }
    }
    if !audit {
        map.insert("outcome".to_owned(), "done".into());
    }
    let found = match ListAudit::parse(Fields::new(map)) {
        Ok(command) => app::list_audit(&v.ctx, command).await,
        Err(problems) => Err(problems),
    };
    let (items, next) = match found {
        Ok(found) => (found.items, found.next),
        Err(problems)
            if problems.iter().all(|problem| problem.code.http_status() < 500 && problem.field.is_some()) =>
        {
            filter.problems = problems.iter().map(|problem| v.words.problem(problem)).collect();
            (Vec::new(), None)
        }
        Err(problems) => return Err(problems.into()),
    };
    let next = next.map(|next| {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        for (name, value) in
            [("user", &filter.user), ("action", &filter.action), ("outcome", &filter.outcome)]
        {
            if !value.is_empty() {
                pairs.append_pair(name, value);
            }
        }
        let place = if audit { "/audit" } else { "/activity" };
        format!("{place}?{}", pairs.append_pair("cursor", &next).finish())
    });
    let events = items.iter().map(|entry| happened(entry, v.words)).collect();
    page(&Activity { s, events, next, verified, audit, filter })
}

/// `GET /plans`
pub(crate) async fn plans(v: Visitor) -> Answer {
    let packages = app::list_packages(&v.ctx).await?;
    page(&Plans { s: v.shell("plans", v.words.t("plans-title")), packages })
}
