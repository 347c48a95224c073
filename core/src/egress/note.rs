//! Why somebody made a rule.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::name::text_newtype;
use crate::{Code, Parse, Problem};

/// One line of 1 to 200 printable characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "the shop's payment provider")]
pub struct Note(String);
text_newtype!(Note);

impl Parse for Note {
    fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let length = text.chars().count();
        if !(1..=200).contains(&length) || text.chars().any(crate::name::is_unprintable) {
            return Err(Problem::new(Code::ValueInvalid, "this is not a note")
                .hint("use 1 to 200 printable characters on one line"));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        assert_eq!(Note::parse(" for the shop ").unwrap().as_str(), "for the shop");
        for bad in ["", "  ", "a\nb", "x\u{202e}y", &"x".repeat(201)] {
            assert_eq!(Note::parse(bad).unwrap_err().code, Code::ValueInvalid, "{bad:?}");
        }
    }
}
