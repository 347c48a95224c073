use serde::{Deserialize, Serialize};

use crate::name::{shown, text_newtype};
use crate::{Code, Parse, Problem};

/// The tag of a language, such as `en`, `nl` or `pt-br`: lower case, with at most one further part (BCP 47's
/// primary and region subtags). It need not be a language that Berth itself speaks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);
text_newtype!(Locale);

impl Default for Locale {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl Parse for Locale {
    fn parse(text: &str) -> Result<Self, Problem> {
        let folded = text.to_ascii_lowercase().replace('_', "-");
        let letters = |part: &str, max: usize| {
            (2..=max).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase())
        };
        let fits = match folded.split_once('-') {
            None => letters(&folded, 3),
            Some((language, region)) => letters(language, 3) && letters(region, 4),
        };
        if fits {
            Ok(Self(folded))
        } else {
            Err(Problem::new(Code::ValueInvalid, format!("`{}` is not a language", shown(text)))
                .hint("use a tag such as en or nl"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for (text, expected) in
            [("en", Some("en")), ("NL", Some("nl")), ("pt_BR", Some("pt-br")), ("zh-hant", Some("zh-hant"))]
        {
            assert_eq!(Locale::parse(text).ok().as_ref().map(Locale::as_str), expected, "{text}");
        }
        for bad in ["", "e", "english", "en-", "-en", "en-us-x", "e1", "../en", "en\n"] {
            assert!(Locale::parse(bad).is_err(), "{bad:?}");
        }
    }
}
