//! Names of people as shown in headers and mails.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text_newtype;
use crate::{Code, Parse, Problem};

/// One line of 1 to 100 characters without control characters, trimmed. It also goes into the comment field
/// of a Unix account, where the agent leaves out what that format can't hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "Alice Smith")]
pub struct DisplayName(String);
text_newtype!(DisplayName);

impl Parse for DisplayName {
    fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let invalid = |what: &str| {
            Problem::new(Code::DisplayNameInvalid, what).hint("use 1 to 100 characters on one line")
        };
        match text.chars().count() {
            0 => return Err(invalid("the display name is blank")),
            1..=100 => {}
            count => return Err(invalid(&format!("the display name has {count} characters"))),
        }
        if text.chars().any(is_unprintable) {
            return Err(invalid("the display name contains control or direction characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Control characters, and the invisible ones that reorder or break lines (Unicode Bidi controls, line and
/// paragraph separators): a name must not be able to rearrange the text around it.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        for ok in ["Alice Smith", "Zoë", "李小龍", "O'Neil, Inc. <x>", "🦀"] {
            assert_eq!(DisplayName::parse(ok).unwrap().as_str(), ok);
        }
        assert_eq!(DisplayName::parse("  Alice ").unwrap().as_str(), "Alice");
        for bad in ["", "   ", "a\nb", "a\0", "x\u{202e}y", &"x".repeat(101)] {
            assert_eq!(DisplayName::parse(bad).unwrap_err().code, Code::DisplayNameInvalid, "{bad:?}");
        }
    }
}
