//! Reading XML into a tree, within bounds: no document type, no entities but the five of XML, so deep, so many
//! elements, and in one of a few encodings.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Deepest nesting; the deepest packet that means something has eight levels.
const DEPTH_MAX: usize = 32;
/// Most elements; a packet with a thousand operations has about ten thousand.
const ELEMENTS_MAX: usize = 100_000;

/// An element with what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Element {
    /// Its name.
    pub(super) name: String,
    /// Its attributes in their order.
    pub(super) attributes: Vec<(String, String)>,
    /// The text directly in it.
    pub(super) text: String,
    /// The elements in it, in their order.
    pub(super) children: Vec<Element>,
    /// The line that it begins in.
    pub(super) line: usize,
}

impl Element {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }
}

/// Why a text is not XML that is read here: a line and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct XmlError {
    /// The line.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) what: String,
}

/// Reads a document.
///
/// # Errors
/// It is not well-formed, or uses what is not read here.
pub(super) fn parse(bytes: &[u8], charset: Option<&str>) -> Result<Element, XmlError> {
    let text = decoded(bytes, charset)?;
    let mut reader = Reader::from_str(&text);
    let mut building = Building::default();
    let mut line = Lines { text: &text, at: 0, line: 1 };
    loop {
        let before = line.of(reader.buffer_position());
        let fault = |what: String| XmlError { line: before, what };
        match reader.read_event().map_err(|error| fault(error.to_string()))? {
            Event::Start(start) => building.open(&start, before)?,
            Event::Empty(start) => {
                building.open(&start, before)?;
                building.close();
            }
            Event::End(_) => building.close(),
            Event::Text(text) => building.text(&text.xml10_content(), before)?,
            Event::CData(text) => building.text(&text.xml10_content(), before)?,
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref().map_err(|error| fault(error.to_string()))? {
                    Some(character) => character.to_string(),
                    None => predefined(&reference.xml10_content())
                        .ok_or_else(|| fault("Entity references are not allowed".to_owned()))?
                        .to_owned(),
                };
                building.text(&resolved, before)?;
            }
            Event::DocType(_) => return Err(fault("A document type is not allowed".to_owned())),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    building.finish(line.of(text.len() as u64))
}

const fn predefined(name: &str) -> Option<&'static str> {
    Some(match name.as_bytes() {
        b"lt" => "<",
        b"gt" => ">",
        b"amp" => "&",
        b"apos" => "'",
        b"quot" => "\"",
        _ => return None,
    })
}

/// Counts lines up to a place, going forward only.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, place: u64) -> usize {
        let place = usize::try_from(place).unwrap_or(usize::MAX).min(self.text.len());
        let passed = self.text.as_bytes().get(self.at..place).unwrap_or_default();
        self.line += passed.split(|byte| *byte == b'\n').count().saturating_sub(1);
        self.at = self.at.max(place);
        self.line
    }
}

/// A tree that is being built.
#[derive(Default)]
struct Building {
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
}

impl Building {
    fn open(&mut self, start: &BytesStart<'_>, line: usize) -> Result<(), XmlError> {
        let fault = |what: &str| XmlError { line, what: what.to_owned() };
        if self.open.is_empty() && self.root.is_some() {
            return Err(fault("Extra content at the end of the document"));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(fault("The elements are nested too deeply"));
        }
        self.count += 1;
        if self.count > ELEMENTS_MAX {
            return Err(fault("There are too many elements"));
        }
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| fault(&error.to_string()))?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| fault(&error.to_string()))?;
            attributes.push((attribute.key.0.to_owned(), value.into_owned()));
        }
        let name = start.name().0.to_owned();
        self.open.push(Element { name, attributes, line, ..Element::default() });
        Ok(())
    }

    fn close(&mut self) {
        let Some(done) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => self.root = Some(done),
        }
    }

    fn text(&mut self, text: &str, line: usize) -> Result<(), XmlError> {
        if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
            return Err(XmlError { line, what: "A character is not allowed in XML".to_owned() });
        }
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(XmlError { line, what: "There is text outside of the document".to_owned() }),
        }
        Ok(())
    }

    fn finish(self, line: usize) -> Result<Element, XmlError> {
        let fault = |what: &str| XmlError { line, what: what.to_owned() };
        if let Some(open) = self.open.last() {
            return Err(fault(&format!("The document ends before the element '{}' does", shown(&open.name))));
        }
        self.root.ok_or_else(|| fault("The document is empty"))
    }
}

/// A name shortened, safe to repeat.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// The text of a document, by its byte order mark, what the transport says, or what its declaration says.
fn decoded<'a>(bytes: &'a [u8], charset: Option<&str>) -> Result<Cow<'a, str>, XmlError> {
    let fault = |what: &str| XmlError { line: 1, what: what.to_owned() };
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let text: Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect();
        text.ok()
            .filter(|_| rest.is_empty())
            .map(Cow::Owned)
            .ok_or_else(|| fault("The document is not UTF-16"))
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => {
            return str::from_utf8(rest).map(Cow::Borrowed).map_err(|_| fault("The document is not UTF-8"));
        }
        [0xFE, 0xFF, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        _ => {}
    }
    let declared = charset.map(str::to_owned).or_else(|| declaration(bytes));
    match declared.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => {
            str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| fault("The document is not UTF-8"))
        }
        Some("iso-8859-1" | "latin1" | "iso8859-1") => {
            Ok(Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()))
        }
        Some(_) => Err(fault("The encoding is not supported")),
    }
}

/// The encoding that an XML declaration names.
fn declaration(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(200))?;
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let head = str::from_utf8(head.get(..end)?).ok()?.strip_prefix("<?xml")?;
    let (_, rest) = head.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest.get(1..)?.split(quote).next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Element, XmlError> {
        parse(text.as_bytes(), None)
    }

    #[test]
    fn a_tree_with_lines_texts_and_attributes() {
        let root =
            read("<?xml version='1.0'?>\n<a x='1&amp;2'>\n <b>l&lt;&#65;<![CDATA[<c>]]></b>\n <d/>\n</a>\n")
                .unwrap();
        assert_eq!((root.name.as_str(), root.attribute("x"), root.line), ("a", Some("1&2"), 2));
        assert_eq!(root.children.len(), 2);
        assert_eq!((root.children[0].text.as_str(), root.children[0].line), ("l<A<c>", 3));
    }

    #[test]
    fn what_is_not_read() {
        for text in [
            "",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "text",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
            "<a>&x;</a>",
            "<a>&#0;</a>",
            "<a x='1' x='2'/>",
            &"<a>".repeat(10_000),
            &format!("{}{}", "<a>".repeat(33), "</a>".repeat(33)),
        ] {
            assert!(read(text).is_err(), "{}", text.get(..40).unwrap_or(text));
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = "<?xml version=\"1.0\"?><packet><webuser><add><site-id>12</site-id>\
                     <login>my&amp;Web<![CDATA[x]]></login></add></webuser></packet>";
        assert!(read(whole).is_ok());
        for end in 0..whole.len() {
            assert!(parse(&whole.as_bytes()[..end], None).is_err(), "{}", &whole[..end]);
        }
    }

    #[test]
    fn encodings() {
        let name = |bytes: &[u8], charset| parse(bytes, charset).map(|root| root.text);
        assert_eq!(name("<a>ü</a>".as_bytes(), None).unwrap(), "ü");
        assert_eq!(name("\u{feff}<a>ü</a>".as_bytes(), None).unwrap(), "ü");
        assert_eq!(name(b"<a>\xfc</a>", Some("ISO-8859-1")).unwrap(), "ü");
        assert_eq!(name(b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xfc</a>", None).unwrap(), "ü");
        let wide: Vec<u8> = "\u{feff}<a>ü</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(name(&wide, None).unwrap(), "ü");
        assert!(name(b"<a>\xfc</a>", None).is_err());
        assert!(name(b"<a>x</a>", Some("ebcdic")).is_err());
        assert!(name(&wide[..wide.len() - 1], None).is_err());
    }
}
