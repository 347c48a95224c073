//! Reading a request's body into [`Fields`].

use std::fmt;
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use berth_core::{Code, Fields, Problem};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::problem::Refusal;

/// Largest body that is read.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// How long a client may take to send a body.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// The JSON object that a request carries; a request without a body carries an empty one.
pub(crate) struct JsonFields(pub(crate) Fields);

impl<S: Send + Sync> FromRequest<S> for JsonFields {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let json = is_json(request.headers());
        let bytes = read(request).await?;
        if bytes.is_empty() && json != Some(true) {
            return Ok(Self(Fields::new(Map::new())));
        }
        if json != Some(true) {
            return Err(Problem::new(
                Code::MediaTypeUnsupported,
                "the body is not declared as application/json",
            )
            .hint("send the header Content-Type: application/json")
            .into());
        }
        Ok(Self(Fields::from_value(parse(&bytes)?)?))
    }
}

/// Reads a body within the limits of size and time.
pub(crate) async fn read(request: Request) -> Result<Vec<u8>, Refusal> {
    let too_large = || {
        Refusal::from(
            Problem::new(Code::BodyTooLarge, format!("the body is larger than {MAX_BYTES} bytes"))
                .hint("send less at once"),
        )
    };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > MAX_BYTES as u64)
    {
        return Err(too_large());
    }
    match tokio::time::timeout(READ_TIMEOUT, Limited::new(request.into_body(), MAX_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::new(Code::BodyMalformed, "the body ended before it was complete")),
        Err(_) => Err(Refusal::new(Code::Timeout, "the body did not arrive in time")),
    }
}

/// Whether a body is declared as JSON; `None` if nothing is declared.
fn is_json(headers: &HeaderMap) -> Option<bool> {
    let declared = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or_default();
    let mut parts = declared.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    Some(json && utf8)
}

/// Parses JSON; a name that occurs twice in an object is refused, since it would be anybody's guess which
/// value was meant.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Refusal> {
    let malformed = |error: &serde_json::Error| {
        Refusal::from(
            Problem::new(Code::BodyMalformed, format!("the body is not valid JSON: {error}"))
                .hint("send one JSON object in UTF-8"),
        )
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut deserializer).map_err(|error| malformed(&error))?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Reads any JSON value without duplicate names.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let value = object.next_value_seed(Self)?;
            if map.contains_key(&name) {
                let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                return Err(de::Error::custom(format!("the name `{shown}` occurs twice")));
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(text: &[u8]) -> String {
        let refusal = parse(text).unwrap_err();
        let problem = refusal.problems().leading().unwrap();
        assert_eq!(problem.code, Code::BodyMalformed);
        problem.detail.clone()
    }

    #[test]
    fn json_is_read_as_it_is() {
        let text = br#"{"a":[1,-2,3.5,null,true,"\u00e9"],"b":{"c":{}}}"#;
        assert_eq!(parse(text).unwrap(), json!({"a": [1, -2, 3.5, null, true, "é"], "b": {"c": {}}}));
    }

    #[test]
    fn malformed_bodies_are_refused_with_their_place() {
        assert!(refused(b"{\"a\":1,\n\"b\":}").contains("line 2 column 5"));
        assert!(refused(b"").contains("line 1"));
        assert!(refused(b"{} {}").contains("trailing"));
        assert!(refused(b"{\"a\":1,\"a\":2}").contains("`a` occurs twice"));
        assert!(refused(b"{\"x\":{\"a\":1,\"a\":1}}").contains("occurs twice"));
        assert!(refused(b"{\"a\":\"\xff\"}").contains("line 1"));
        assert!(refused(b"{\"a\":\"\n\"}").contains("control character"));
        assert!(refused("[".repeat(100_000).as_bytes()).contains("recursion"));
    }

    #[test]
    fn media_types() {
        let declared =
            |kind: &str| is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]));
        assert_eq!(is_json(&HeaderMap::new()), None);
        for good in
            ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
        {
            assert_eq!(declared(good), Some(true), "{good}");
        }
        for bad in ["text/plain", "application/jsonp", "application/json; charset=latin1", ""] {
            assert_eq!(declared(bad), Some(false), "{bad}");
        }
    }
}
