//! The API's description in OpenAPI 3.1, made from the code.

use std::collections::{BTreeMap, BTreeSet};

use berth_core::Code;
use berth_core::view::PlanView;
use serde_json::json;
use utoipa::OpenApi as _;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::OneOfBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use crate::rest::params::DryRunKind;
use crate::rest::{PROBLEM_MEDIA_TYPE, ProblemDocument};

/// Name of the security scheme.
const SCHEME: &str = "api_key";

/// Where an operation lists the codes of its own problems until [`complete`] makes answers of them.
const PROBLEMS: &str = "x-problems";

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(ProblemDocument, PlanView, DryRunKind)))]
struct Common;

/// The whole description.
pub fn document() -> OpenApi {
    complete(crate::rest::described())
}

/// The description as it is served and committed.
pub fn text(document: &OpenApi) -> String {
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Adds what all operations have in common to what each says of itself.
pub(crate) fn complete(document: OpenApi) -> OpenApi {
    let mut api = Common::openapi();
    api.merge(document);
    api.info = utoipa::openapi::InfoBuilder::new()
        .title("Berth")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(INTRODUCTION))
        .license(Some(
            utoipa::openapi::LicenseBuilder::new()
                .name("MIT OR Apache-2.0")
                .identifier(Some("MIT OR Apache-2.0"))
                .build(),
        ))
        .build();
    let components = api.components.get_or_insert_default();
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description =
        Some("An API key: `berth_<id>_<secret>`. Root on the operator socket needs none.".to_owned());
    components.add_security_scheme(SCHEME, SecurityScheme::Http(bearer));
    api.security = Some(vec![SecurityRequirement::new(SCHEME, [] as [&str; 0])]);
    for item in api.paths.paths.values_mut() {
        for operation in operations(item) {
            complete_operation(operation);
        }
    }
    api
}

const INTRODUCTION: &str = "Everything that Berth can do with users, packages, domains, keys and nodes.\n\n\
Requests and answers are JSON. A refused request is answered with a problem document (RFC 9457) that lists \
everything that is wrong at once, each with a stable `code`, the `field` at fault and a `hint`. Fields and \
parameters that an operation doesn't know are refused.\n\n\
A change is stored when the answer comes; the node then makes it so, see the conditions of a user. With \
`?dry_run=plan` any change answers with what it would do. With an `Idempotency-Key`, repeating a request does \
not do it twice. Edits with `If-Match` are refused if somebody else was faster.\n\n\
Every answer carries `X-Request-Id`; the same id is in the journal and in the audit log. Too many requests are \
answered with `429` and `Retry-After`.";

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn complete_operation(operation: &mut Operation) {
    let own = operation.extensions.take().and_then(|mut extensions| extensions.remove(PROBLEMS));
    let named: Vec<Code> = own.and_then(|codes| serde_json::from_value(codes).ok()).unwrap_or_default();
    let mut codes: BTreeSet<Code> = named.into_iter().collect();
    codes.extend([Code::RateLimited, Code::Internal, Code::Unavailable, Code::Timeout, Code::FieldUnknown]);
    if operation.security.is_none() {
        codes.extend([Code::Unauthenticated, Code::Forbidden]);
    }
    if operation.request_body.is_some() {
        codes.extend([
            Code::BodyMalformed,
            Code::BodyTooLarge,
            Code::MediaTypeUnsupported,
            Code::FieldMissing,
            Code::ValueInvalid,
        ]);
    }
    if has_parameter(operation, "Idempotency-Key") {
        codes.extend([Code::IdempotencyConflict, Code::ValueInvalid]);
    }
    if has_parameter(operation, "dry_run") {
        add_dry_run(operation);
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.http_status()).or_default().push(code);
    }
    for (status, codes) in by_status {
        operation.responses.responses.insert(status.to_string(), RefOr::T(refused(&codes)));
    }
}

fn has_parameter(operation: &Operation, name: &str) -> bool {
    operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.name == name,
        RefOr::Ref(_) => false,
    })
}

/// The answers of a dry run, beside those of the real one.
fn add_dry_run(operation: &mut Operation) {
    let plan = || RefOr::Ref(Ref::from_schema_name("PlanView"));
    let responses = &mut operation.responses.responses;
    responses
        .entry("204".to_owned())
        .or_insert_with(|| RefOr::T(Response::new("It could be done (`dry_run=input` or `all`)")));
    // A create that had been done before answers 200 with what was created then.
    let replayed = match responses.get("201") {
        Some(RefOr::T(created)) => match created.content.get("application/json") {
            Some(RefOr::T(content)) => content.schema.clone(),
            _ => None,
        },
        _ => None,
    };
    if let Some(RefOr::T(done)) = responses.get_mut("200") {
        done.description.push_str("; with `dry_run=plan`, what would be done");
        if let Some(RefOr::T(content)) = done.content.get_mut("application/json") {
            let schema = content.schema.take();
            content.schema = Some(one_of(schema.into_iter().chain([plan()])));
        }
        return;
    }
    let description = if replayed.is_some() {
        "What would be done (`dry_run=plan`), or what an earlier request with the same key has created"
    } else {
        "What would be done (`dry_run=plan`)"
    };
    let content = ContentBuilder::new().schema(Some(one_of(replayed.into_iter().chain([plan()])))).build();
    let response = ResponseBuilder::new().description(description).content("application/json", content);
    responses.insert("200".to_owned(), RefOr::T(response.build()));
}

fn one_of(schemas: impl Iterator<Item = RefOr<utoipa::openapi::Schema>>) -> RefOr<utoipa::openapi::Schema> {
    schemas.fold(OneOfBuilder::new(), OneOfBuilder::item).into()
}

/// The answer with one status, and the codes that it may carry.
fn refused(codes: &[Code]) -> Response {
    let listed: Vec<String> = codes.iter().map(|code| format!("`{code}`: {}", code.title())).collect();
    let content =
        Content::new(Some(RefOr::<utoipa::openapi::Schema>::Ref(Ref::from_schema_name("ProblemDocument"))));
    let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    ResponseBuilder::new()
        .description(listed.join("; "))
        .content(PROBLEM_MEDIA_TYPE, content)
        .extensions(Some(Extensions::from_iter([("x-problem-codes", json!(codes))])))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_names_problems_that_exist() {
        let mut seen = 0;
        for (path, mut item) in crate::rest::described().paths.paths {
            for operation in operations(&mut item) {
                let listed = operation.extensions.as_ref().and_then(|all| all.get(PROBLEMS)).cloned();
                let listed = listed.unwrap_or_else(|| panic!("{path} lists no problems"));
                serde_json::from_value::<Vec<Code>>(listed).unwrap_or_else(|error| panic!("{path}: {error}"));
                assert!(operation.summary.is_some() && operation.operation_id.is_some(), "{path}");
                seen += 1;
            }
        }
        assert!(seen > 25, "{seen}");
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_id_is_unique() {
        let value = serde_json::to_value(document()).unwrap();
        let mut references = Vec::new();
        let mut ids = Vec::new();
        walk(&value, &mut |key, value| match (key, value.as_str()) {
            ("$ref", Some(target)) => references.push(target.to_owned()),
            ("operationId", Some(id)) => ids.push(id.to_owned()),
            _ => {}
        });
        assert!(references.len() > 20);
        for reference in references {
            assert!(value.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    fn walk(value: &serde_json::Value, visit: &mut impl FnMut(&str, &serde_json::Value)) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    visit(key, value);
                    walk(value, visit);
                }
            }
            serde_json::Value::Array(list) => list.iter().for_each(|value| walk(value, visit)),
            _ => {}
        }
    }
}
