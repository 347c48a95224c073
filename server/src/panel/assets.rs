//! What pages load: bundled when the product is built, embedded, and named by its content, so that it can be
//! kept for ever.

use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use berth_core::Code;

use super::answer::Refused;

/// One file in its three forms.
struct Asset {
    name: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
    brotli: &'static [u8],
}

const ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The mark of the product, also shown in the browser's tab.
const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#1864ab"/><path d="M5 9h14M8 9v7M16 9v7M4 18c2 0 2-1.500 4-1.500s2 1.500 4 1.500 2-1.500 4-1.500 2 1.500 4 1.500" fill="none" stroke="#fff" stroke-width="1.800" stroke-linecap="round"/></svg>"##;

/// Address of the script that makes pages live.
pub(super) fn script() -> String {
    address(".js")
}

/// Address of the style sheet.
pub(super) fn style() -> String {
    address(".css")
}

fn address(suffix: &str) -> String {
    let name = ASSETS.iter().find(|asset| asset.name.ends_with(suffix)).map_or("", |asset| asset.name);
    format!("/assets/{name}")
}

/// `GET /assets/{name}`
pub(super) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Refused::new(Code::NotFound, "there is no such file").into_response();
    };
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepts = |coding: &str| {
        accepted.split(',').any(|part| {
            let mut words = part.split(';').map(str::trim);
            words.next() == Some(coding) && !words.any(|word| word == "q=0")
        })
    };
    let mut answer = HeaderMap::new();
    let mut set = |name, value: &'static str| {
        answer.insert(name, axum::http::HeaderValue::from_static(value));
    };
    let script = std::path::Path::new(asset.name).extension().is_some_and(|kind| kind == "js");
    set(
        header::CONTENT_TYPE,
        if script { "text/javascript; charset=utf-8" } else { "text/css; charset=utf-8" },
    );
    set(header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    set(header::VARY, "accept-encoding");
    let bytes = if accepts("br") {
        set(header::CONTENT_ENCODING, "br");
        asset.brotli
    } else if accepts("gzip") {
        set(header::CONTENT_ENCODING, "gzip");
        asset.gzip
    } else {
        asset.plain
    };
    (answer, bytes).into_response()
}

/// `GET /favicon.svg`
pub(super) async fn icon() -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, ICON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_loads_less_than_forty_kilobytes() {
        assert_eq!(ASSETS.len(), 2);
        let sent: usize = ASSETS.iter().map(|asset| asset.gzip.len()).sum();
        assert!(sent < 40_000, "{sent}");
        assert!(script().starts_with("/assets/panel-") && style().starts_with("/assets/style-"));
    }
}
