use serde::{Deserialize, Serialize};

use crate::name::{shown, text_newtype};
use crate::{Code, Parse, Problem};

/// Longest label, in characters.
const MAX: usize = 255;

/// One line without control characters and without blanks at its ends.
fn line(text: &str, what: &str) -> Result<String, Problem> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.chars().count() > MAX || trimmed.chars().any(crate::name::is_unprintable)
    {
        return Err(Problem::new(Code::ValueInvalid, format!("`{}` can't be {what}", shown(text)))
            .hint(format!("use 1 to {MAX} characters on one line")));
    }
    Ok(trimmed.to_owned())
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident => $what:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);
        text_newtype!($name);

        impl Parse for $name {
            fn parse(text: &str) -> Result<Self, Problem> {
                line(text, $what).map(Self)
            }
        }
    )+};
}

labels! {
    /// What identifies a website among its owner's.
    WebsiteLabel => "a label";
    /// The physical server that a website counts against.
    ServerLabel => "the name of a server";
    /// The name of a package, which need not exist here.
    PackageLabel => "the name of a package";
}
