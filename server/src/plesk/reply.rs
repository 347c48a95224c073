//! Writing replies.

use std::borrow::Cow;

use super::fault::Fault;

/// An element of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    name: Cow<'static, str>,
    attributes: Vec<(&'static str, String)>,
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Text(String),
    Nodes(Vec<Node>),
}

/// An element with elements in it.
pub(super) fn node(name: impl Into<Cow<'static, str>>, nodes: Vec<Node>) -> Node {
    Node { name: name.into(), attributes: Vec::new(), content: Content::Nodes(nodes) }
}

/// An element with a text in it.
pub(super) fn leaf(name: impl Into<Cow<'static, str>>, text: impl std::fmt::Display) -> Node {
    Node { name: name.into(), attributes: Vec::new(), content: Content::Text(text.to_string()) }
}

impl Node {
    /// Adds an attribute.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// The document.
    pub(super) fn document(&self, pretty: bool) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.write(&mut out, pretty.then_some(0));
        out.push('\n');
        out
    }

    fn write(&self, out: &mut String, indent: Option<usize>) {
        let pad = |out: &mut String, level: usize| {
            if indent.is_some() {
                out.push('\n');
                (0..level).for_each(|_| out.push_str("  "));
            }
        };
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            escape(out, value);
            out.push('"');
        }
        match &self.content {
            Content::Nodes(nodes) if nodes.is_empty() => {
                out.push_str("/>");
                return;
            }
            Content::Text(text) if text.is_empty() => {
                out.push_str("/>");
                return;
            }
            Content::Text(text) => {
                out.push('>');
                escape(out, text);
            }
            Content::Nodes(nodes) => {
                out.push('>');
                let level = indent.unwrap_or(0);
                for node in nodes {
                    pad(out, level + 1);
                    node.write(out, indent.map(|level| level + 1));
                }
                pad(out, level);
            }
        }
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

/// Writes a text so that it is well-formed whatever is in it.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(character),
            '\u{fffe}' | '\u{ffff}' => {}
            other if other.is_control() => {}
            other => out.push(other),
        }
    }
}

/// The head of a result: how it went.
pub(super) fn status(outcome: Result<(), &Fault>) -> Vec<Node> {
    match outcome {
        Ok(()) => vec![leaf("status", "ok")],
        Err(fault) => {
            vec![leaf("status", "error"), leaf("errcode", fault.code), leaf("errtext", &fault.text)]
        }
    }
}

/// A result that went well.
pub(super) fn ok(more: Vec<Node>) -> Node {
    let mut nodes = status(Ok(()));
    nodes.extend(more);
    node("result", nodes)
}

/// A result that did not.
pub(super) fn error(fault: &Fault, more: Vec<Node>) -> Node {
    let mut nodes = status(Err(fault));
    nodes.extend(more);
    node("result", nodes)
}

/// A result, whichever it is.
pub(super) fn result(outcome: Result<Vec<Node>, Fault>) -> Node {
    match outcome {
        Ok(more) => ok(more),
        Err(fault) => error(&fault, Vec::new()),
    }
}
