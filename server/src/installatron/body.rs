//! Bodies: JSON, or a form in which PHP's brackets stand for objects and lists.

use axum::extract::Request;
use axum::http::header;
use berth_core::{Code, Problem, Problems};
use serde_json::{Map, Value};

use crate::rest::read_body;

/// Deepest nesting of a form: `websites[0][databases][0][name]` has five.
const DEPTH_MAX: usize = 8;
/// Most values of a form.
const VALUES_MAX: usize = 20_000;

/// Reads the object that a request carries; one without a body carries an empty one.
pub(super) async fn read(request: Request) -> Result<Map<String, Value>, Problems> {
    let declared = request.headers().get(header::CONTENT_TYPE);
    let declared = declared.and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let bytes = read_body(request).await.map_err(|refusal| refusal.problems().clone())?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let begins_as_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if declared.starts_with("application/json")
        || (begins_as_json && !declared.starts_with("application/x-www"))
    {
        return match crate::rest::parse_json(&bytes).map_err(|refusal| refusal.problems().clone())? {
            Value::Object(map) => Ok(map),
            _ => Err(Problem::new(Code::BodyMalformed, "expected a JSON object").into()),
        };
    }
    form(&bytes)
}

/// Reads a form.
fn form(bytes: &[u8]) -> Result<Map<String, Value>, Problems> {
    let mut root = Map::new();
    for (count, (name, value)) in url::form_urlencoded::parse(bytes).enumerate() {
        if count >= VALUES_MAX {
            return Err(malformed("the form has too many values"));
        }
        let path = path(&name)?;
        put(&mut root, &path, value.into_owned())?;
    }
    Ok(root.into_iter().map(|(name, value)| (name, lists(value))).collect())
}

fn malformed(what: &str) -> Problems {
    Problem::new(Code::BodyMalformed, what)
        .hint("send JSON, or a form with names such as websites[0][path]")
        .into()
}

/// `a[b][c]` as its parts.
fn path(name: &str) -> Result<Vec<&str>, Problems> {
    let Some((first, mut rest)) = name.split_once('[') else { return Ok(vec![name]) };
    let mut parts = vec![first];
    loop {
        let Some((part, after)) = rest.split_once(']') else {
            return Err(malformed("a name has an open bracket"));
        };
        parts.push(part);
        match after.strip_prefix('[') {
            _ if parts.len() > DEPTH_MAX => return Err(malformed("a name is nested too deeply")),
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(parts),
            None => return Err(malformed("a name goes on behind its brackets")),
        }
    }
}

fn put(map: &mut Map<String, Value>, path: &[&str], value: String) -> Result<(), Problems> {
    let Some((first, rest)) = path.split_first() else { return Ok(()) };
    // `a[]` appends.
    let name = if first.is_empty() { map.len().to_string() } else { (*first).to_owned() };
    if rest.is_empty() {
        map.insert(name, Value::String(value));
        return Ok(());
    }
    match map.entry(name).or_insert_with(|| Value::Object(Map::new())) {
        Value::Object(inner) => put(inner, rest, value),
        _ => Err(malformed("a name has both a value and parts")),
    }
}

/// Objects whose names count from 0 are lists.
fn lists(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let counts = !map.is_empty() && (0..map.len()).all(|index| map.contains_key(&index.to_string()));
    let mut values: Vec<(String, Value)> =
        map.into_iter().map(|(name, value)| (name, lists(value))).collect();
    if !counts {
        return Value::Object(values.into_iter().collect());
    }
    values.sort_by_key(|(name, _)| name.parse::<usize>().unwrap_or(usize::MAX));
    Value::Array(values.into_iter().map(|(_, value)| value).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_become_objects_and_lists() {
        let text = "id=mira&websites[0][path]=sftp%3A%2F%2Fu%3Ap%40h&websites[0][vhosts][http%3A%2F%2Fa.example]=x\
                    &websites[0][databases][][name]=n&websites[1][path]=/home/x&websites[1][uid]=7";
        assert_eq!(
            Value::Object(form(text.as_bytes()).unwrap()),
            json!({
                "id": "mira",
                "websites": [
                    { "path": "sftp://u:p@h", "vhosts": { "http://a.example": "x" }, "databases": [{ "name": "n" }] },
                    { "path": "/home/x", "uid": "7" }
                ]
            })
        );
    }

    #[test]
    fn broken_forms_are_refused() {
        for bad in ["a[b=1", "a[b]c=1", "a=1&a[b]=2", "a[1][2][3][4][5][6][7][8][9]=1"] {
            assert!(form(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
