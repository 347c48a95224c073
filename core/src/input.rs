//! Reading untyped input (a JSON object, a form, command-line flags) into parsed types.
//!
//! [`Fields`] collects every problem instead of stopping at the first, so that a caller sees all of them at
//! once, and refuses fields that nobody asked for, so that a misspelt option is never silently ignored.

use serde_json::{Map, Value};

use crate::problem::{Code, Problem, Problems};

/// A type with exactly one way in from text.
pub trait Parse: Sized {
    /// Parses text from outside.
    ///
    /// # Errors
    /// A [`Problem`] without field; the caller knows which field it read.
    fn parse(text: &str) -> Result<Self, Problem>;
}

/// Longest text that any field may hold, in bytes; larger ones are refused before they are looked at.
const FIELD_MAX_BYTES: usize = 64 * 1024;

/// The fields of one request, taken one by one.
#[derive(Debug)]
pub struct Fields {
    map: Map<String, Value>,
    problems: Problems,
}

impl Fields {
    /// Starts reading a JSON object.
    pub fn new(map: Map<String, Value>) -> Self {
        Self { map, problems: Problems::none() }
    }

    /// Takes a JSON value that must be an object.
    ///
    /// # Errors
    /// `body_malformed` for any other value.
    pub fn from_value(value: Value) -> Result<Self, Problems> {
        match value {
            Value::Object(map) => Ok(Self::new(map)),
            other => Err(Problem::new(
                Code::BodyMalformed,
                format!("expected a JSON object, found {}", kind_of(&other)),
            )
            .into()),
        }
    }

    /// Whether the field was sent with a value other than null.
    pub fn has(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether the field was sent at all, be it as null or empty.
    pub fn sent(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Text of an optional field; null and absence are the same, an empty text too.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.map.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(Value::String(text)) if text.len() > FIELD_MAX_BYTES => {
                self.refuse(name, Code::ValueInvalid, format!("longer than {FIELD_MAX_BYTES} bytes"));
                None
            }
            Some(Value::String(text)) => Some(text),
            Some(other) => {
                self.refuse(name, Code::ValueInvalid, format!("expected text, found {}", kind_of(&other)));
                None
            }
        }
    }

    /// An optional field of a parsed type.
    pub fn optional<T: Parse>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        self.keep(name, T::parse(&text))
    }

    /// A required field of a parsed type.
    pub fn required<T: Parse>(&mut self, name: &str) -> Option<T> {
        if self.is_blank(name) {
            self.map.remove(name);
            self.refuse(name, Code::FieldMissing, format!("`{name}` is required"));
            return None;
        }
        self.optional(name)
    }

    /// A switch with a default.
    pub fn switch(&mut self, name: &str, default: bool) -> bool {
        self.optional_switch(name).unwrap_or(default)
    }

    /// A switch that may be left as it is.
    pub fn optional_switch(&mut self, name: &str) -> Option<bool> {
        match self.map.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(value)) => Some(value),
            Some(other) => {
                self.refuse(
                    name,
                    Code::ValueInvalid,
                    format!("expected true or false, found {}", kind_of(&other)),
                );
                None
            }
        }
    }

    /// A whole number that is not negative.
    pub fn optional_number(&mut self, name: &str) -> Option<u64> {
        match self.map.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) if number.is_u64() => number.as_u64(),
            Some(other) => {
                self.refuse(
                    name,
                    Code::ValueInvalid,
                    format!("expected a whole number from 0, found {}", kind_of(&other)),
                );
                None
            }
        }
    }

    /// A list of texts, each parsed; a problem names its element as `name[index]`.
    pub fn list<T: Parse>(&mut self, name: &str) -> Vec<T> {
        match self.map.remove(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(values)) => {
                let mut parsed = Vec::with_capacity(values.len());
                for (index, value) in values.iter().enumerate() {
                    let field = format!("{name}[{index}]");
                    match value {
                        Value::String(text) if text.len() <= FIELD_MAX_BYTES => {
                            parsed.extend(self.keep(&field, T::parse(text)));
                        }
                        other => {
                            self.refuse(
                                &field,
                                Code::ValueInvalid,
                                format!(
                                    "expected a text of at most {FIELD_MAX_BYTES} bytes, found {}",
                                    kind_of(other)
                                ),
                            );
                        }
                    }
                }
                parsed
            }
            Some(other) => {
                self.refuse(name, Code::ValueInvalid, format!("expected a list, found {}", kind_of(&other)));
                Vec::new()
            }
        }
    }

    /// Takes a field as it is, for types that read JSON themselves.
    pub fn raw(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    /// Records a problem with a field.
    pub fn refuse(&mut self, name: &str, code: Code, detail: impl Into<String>) {
        self.problems.push(Problem::new(code, detail).at(name));
    }

    /// Keeps a parsed value, or records why it is none.
    pub fn keep<T>(&mut self, name: &str, parsed: Result<T, Problem>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problems.push(if problem.field.is_some() { problem } else { problem.at(name) });
                None
            }
        }
    }

    /// Ends reading: whatever is left is unknown.
    pub fn finish(mut self) -> Problems {
        for name in self.map.keys() {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            self.problems.push(
                Problem::new(Code::FieldUnknown, format!("`{shown}` is not a field of this request"))
                    .at(shown),
            );
        }
        self.problems
    }

    fn is_blank(&self, name: &str) -> bool {
        match self.map.get(name) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(_) => false,
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::name::{Email, Username};

    #[test]
    fn all_problems_are_reported_at_once_each_with_its_field() {
        let mut fields = Fields::from_value(json!({
            "username": "Alice", "email": 7, "sftp": "yes", "colour": "red"
        }))
        .unwrap();
        assert_eq!(fields.required::<Username>("username"), None);
        assert_eq!(fields.required::<Email>("email"), None);
        assert!(fields.switch("sftp", true));
        assert_eq!(fields.required::<Username>("owner"), None);
        let found: Vec<_> = fields.finish().into_iter().map(|p| (p.field.unwrap(), p.code)).collect();
        assert_eq!(
            found,
            [
                ("username".to_owned(), Code::UsernameInvalid),
                ("email".to_owned(), Code::ValueInvalid),
                ("sftp".to_owned(), Code::ValueInvalid),
                ("owner".to_owned(), Code::FieldMissing),
                ("colour".to_owned(), Code::FieldUnknown),
            ]
        );
    }
}
