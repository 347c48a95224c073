use std::collections::BTreeMap;
use std::fmt::Write;

use berth_core::Code;
use serde_json::{Map, Value};

use super::html::{Prose, Text, page};

/// The page that shows an OpenAPI document to people.
pub(crate) fn describe(document: &Value) -> String {
    let mut by_tag: BTreeMap<&str, Vec<Operation<'_>>> = BTreeMap::new();
    for operation in operations(document) {
        by_tag.entry(operation.tag).or_default().push(operation);
    }
    let mut content = String::new();
    content.push_str(&navigation(&by_tag));
    content.push_str("<main>\n<header id=\"top\"><h1>Berth API</h1>\n");
    let info = at(document, &["info"]);
    let _ = writeln!(
        content,
        "<p class=\"aside\">Version {} · <a href=\"/api/v1/openapi.json\">OpenAPI document</a></p>",
        Text(string(at(info, &["version"])))
    );
    for paragraph in string(at(info, &["description"])).split("\n\n") {
        let _ = writeln!(content, "<p>{}</p>", Prose(paragraph));
    }
    content.push_str("</header>\n");
    for (tag, operations) in &by_tag {
        let _ = writeln!(content, "<h2 id=\"{}\">{}</h2>", anchor(tag), Text(tag));
        for operation in operations {
            content.push_str(&operation.render(document));
        }
    }
    content.push_str(&schemas(document));
    content.push_str(&catalogue());
    content.push_str("</main>\n");
    page("Berth API", &content)
}

/// One operation of the document.
struct Operation<'a> {
    tag: &'a str,
    path: &'a str,
    method: &'static str,
    value: &'a Value,
}

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    object(at(document, &["paths"])).into_iter().flatten().flat_map(|(path, item)| {
        METHODS.into_iter().filter_map(move |method| {
            let value = item.get(method)?;
            let tag = list(at(value, &["tags"])).first().map_or("Other", string);
            Some(Operation { tag, path, method, value })
        })
    })
}

impl Operation<'_> {
    fn id(&self) -> &str {
        string(at(self.value, &["operationId"]))
    }

    fn render(&self, document: &Value) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "<section class=\"operation\" id=\"{}\">\n<h3>{}</h3>\n\
             <p class=\"line\"><span class=\"method {}\">{}</span> <code>{}</code></p>",
            Text(self.id()),
            Text(string(at(self.value, &["summary"]))),
            self.method,
            self.method.to_uppercase(),
            Text(self.path),
        );
        let description = string(at(self.value, &["description"]));
        if !description.is_empty() {
            let _ = writeln!(out, "<p>{}</p>", Prose(description));
        }
        out.push_str(&self.parameters());
        out.push_str(&self.body(document));
        out.push_str(&self.answers());
        out.push_str("</section>\n");
        out
    }

    fn parameters(&self) -> String {
        let rows: Vec<[String; 3]> = list(at(self.value, &["parameters"]))
            .iter()
            .map(|parameter| {
                let required = if at(parameter, &["required"]) == true { ", required" } else { "" };
                [
                    format!("<code>{}</code>", Text(string(at(parameter, &["name"])))),
                    format!(
                        "{} in {}{required}",
                        kind(at(parameter, &["schema"])),
                        Text(string(at(parameter, &["in"])))
                    ),
                    Prose(string(at(parameter, &["description"]))).to_string(),
                ]
            })
            .collect();
        table("Parameters", ["Name", "Kind", "Meaning"], &rows)
    }

    fn body(&self, document: &Value) -> String {
        let content = at(self.value, &["requestBody", "content", "application/json"]);
        if content.is_null() {
            return String::new();
        }
        let schema = resolve(document, at(content, &["schema"]));
        let mut out = table("Body", ["Field", "Kind", "Meaning"], &fields(document, schema));
        if let Some(example) = schema.get("example")
            && let Ok(example) = serde_json::to_string_pretty(example)
        {
            let _ = writeln!(out, "<pre><code>{}</code></pre>", Text(&example));
        }
        out
    }

    fn answers(&self) -> String {
        let mut good = Vec::new();
        let mut refused = Vec::new();
        for (status, answer) in object(at(self.value, &["responses"])).into_iter().flatten() {
            let codes = list(at(answer, &["x-problem-codes"]));
            if codes.is_empty() {
                let schema = at(answer, &["content", "application/json", "schema"]);
                let body = if schema.is_null() { String::new() } else { kind(schema) };
                good.push([
                    format!("<code>{}</code>", Text(status)),
                    body,
                    Prose(string(at(answer, &["description"]))).to_string(),
                ]);
            } else {
                let codes: Vec<String> = codes
                    .iter()
                    .map(|code| format!("<a href=\"#problem-{0}\"><code>{0}</code></a>", Text(string(code))))
                    .collect();
                refused.push([format!("<code>{}</code>", Text(status)), codes.join(" ")]);
            }
        }
        let refused = table("", ["Status", "Codes"], &refused);
        format!(
            "{}<details><summary>Problems</summary>{refused}</details>\n",
            table("Answers", ["Status", "Body", "When"], &good)
        )
    }
}

fn navigation(by_tag: &BTreeMap<&str, Vec<Operation<'_>>>) -> String {
    let mut out = String::from("<nav>\n<a class=\"home\" href=\"/\">Berth</a>\n");
    for (tag, operations) in by_tag {
        let _ = writeln!(out, "<details><summary>{}</summary><ul>", Text(tag));
        for operation in operations {
            let _ = writeln!(
                out,
                "<li><a href=\"#{}\">{}</a></li>",
                Text(operation.id()),
                Text(string(at(operation.value, &["summary"])))
            );
        }
        out.push_str("</ul></details>\n");
    }
    out.push_str("<a href=\"#types\">Types</a>\n<a href=\"#problems\">Problems</a>\n</nav>\n");
    out
}

fn schemas(document: &Value) -> String {
    let mut out = String::from("<h2 id=\"types\">Types</h2>\n");
    for (name, schema) in object(at(document, &["components", "schemas"])).into_iter().flatten() {
        let _ = writeln!(out, "<section class=\"type\" id=\"{}\">\n<h3>{}</h3>", anchor(name), Text(name));
        let description = string(at(schema, &["description"]));
        if !description.is_empty() {
            let _ = writeln!(out, "<p>{}</p>", Prose(description));
        }
        let rows = fields(document, schema);
        if rows.is_empty() {
            let _ = writeln!(out, "<p class=\"aside\">{}</p>", kind(schema));
        } else {
            out.push_str(&table("", ["Field", "Kind", "Meaning"], &rows));
        }
        out.push_str("</section>\n");
    }
    out
}

fn catalogue() -> String {
    let rows: Vec<[String; 4]> = Code::ALL
        .iter()
        .map(|code| {
            [
                format!("<code id=\"problem-{code}\">{code}</code>"),
                code.http_status().to_string(),
                (code.exit_code() as u8).to_string(),
                Text(code.title()).to_string(),
            ]
        })
        .collect();
    format!(
        "<h2 id=\"problems\">Problems</h2>\n{}",
        table("", ["Code", "Status", "Exit code of the command line", "Meaning"], &rows)
    )
}

/// The fields of an object, also of one that is put together from several.
fn fields(document: &Value, schema: &Value) -> Vec<[String; 3]> {
    let mut rows = Vec::new();
    for part in list(at(schema, &["allOf"])) {
        rows.extend(fields(document, resolve(document, part)));
    }
    let required = list(at(schema, &["required"]));
    for (name, field) in object(at(schema, &["properties"])).into_iter().flatten() {
        let needed = if required.iter().any(|one| one == name) { ", required" } else { "" };
        rows.push([
            format!("<code>{}</code>", Text(name)),
            format!("{}{needed}", kind(field)),
            Prose(meaning(field)).to_string(),
        ]);
    }
    rows
}

/// What a field is for; of one that may be null, the description is beside the reference.
fn meaning(field: &Value) -> &str {
    std::iter::once(field)
        .chain(list(at(field, &["oneOf"])))
        .map(|part| string(at(part, &["description"])))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// What a value looks like, in words; markup already.
fn kind(schema: &Value) -> String {
    if let Some(name) = at(schema, &["$ref"]).as_str().and_then(|target| target.rsplit('/').next()) {
        return format!("<a href=\"#{}\">{}</a>", anchor(name), Text(name));
    }
    for several in ["oneOf", "anyOf"] {
        let choices = list(at(schema, &[several]));
        if !choices.is_empty() {
            let mut words: Vec<String> = choices.iter().map(kind).collect();
            words.dedup();
            return words.join(" or ");
        }
    }
    let values = list(at(schema, &["enum"]));
    if !values.is_empty() {
        let words: Vec<String> =
            values.iter().map(|value| format!("<code>{}</code>", Text(string(value)))).collect();
        return words.join(", ");
    }
    let types: Vec<&str> = match at(schema, &["type"]) {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().map(string).collect(),
        _ => vec!["value"],
    };
    let words: Vec<String> = types
        .into_iter()
        .map(|one| match one {
            "array" => format!("list of {}", kind(at(schema, &["items"]))),
            "string" => match at(schema, &["format"]).as_str() {
                Some(format) => format!("text ({})", Text(format)),
                None => "text".to_owned(),
            },
            "integer" => "whole number".to_owned(),
            "boolean" => "true or false".to_owned(),
            other => Text(other).to_string(),
        })
        .collect();
    words.join(" or ")
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    at(schema, &["$ref"])
        .as_str()
        .and_then(|target| document.pointer(target.trim_start_matches('#')))
        .unwrap_or(schema)
}

fn table<const N: usize>(caption: &str, head: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut out = String::from("<div class=\"wide\"><table>\n");
    if !caption.is_empty() {
        let _ = writeln!(out, "<caption>{}</caption>", Text(caption));
    }
    out.push_str("<thead><tr>");
    for cell in head {
        let _ = write!(out, "<th scope=\"col\">{}</th>", Text(cell));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            let _ = write!(out, "<td>{cell}</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
    out
}

/// A value inside another; null if there is none.
fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().try_fold(value, |value, name| value.get(name)).unwrap_or(&Value::Null)
}

/// A name as part of an address.
fn anchor(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    format!("type-{plain}")
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn object(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_operation_and_code_and_every_link_within_it_leads_somewhere() {
        let document = serde_json::to_value(crate::openapi::document()).unwrap();
        let shown = describe(&document);
        let mut count = 0;
        for operation in operations(&document) {
            assert!(shown.contains(&format!("id=\"{}\"", operation.id())), "{}", operation.id());
            count += 1;
        }
        assert!(count > 25);
        for tag in
            ["main", "nav", "section", "details", "summary", "table", "tbody", "tr", "td", "ul", "p", "a"]
        {
            let opened =
                shown.matches(&format!("<{tag}>")).count() + shown.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, shown.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        for code in Code::ALL {
            assert!(shown.contains(&format!("id=\"problem-{code}\"")), "{code}");
        }
        for link in shown.split("href=\"#").skip(1) {
            let target = link.split('"').next().unwrap();
            assert!(shown.contains(&format!("id=\"{target}\"")), "{target}");
        }
    }

    #[test]
    fn nothing_comes_from_elsewhere_and_nothing_runs() {
        let shown = describe(&serde_json::to_value(crate::openapi::document()).unwrap());
        for foreign in ["src=", "http://", "https://", "<script", "<img", "<iframe", "style=", "javascript:"]
        {
            assert!(!shown.contains(foreign), "{foreign}");
        }
        for attribute in ["onclick", "onload", "onerror"] {
            assert!(!shown.contains(attribute), "{attribute}");
        }
    }
}
