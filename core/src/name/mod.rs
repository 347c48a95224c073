//! Names: each a newtype with one [`Parse`](crate::Parse), from the rules of the specification.

mod display_name;
mod email;
mod fqdn;
mod package_name;
mod username;

pub use display_name::DisplayName;
pub(crate) use display_name::is_unprintable;
pub use email::Email;
pub use fqdn::Fqdn;
pub use package_name::PackageName;
pub(crate) use username::is_reserved;
pub use username::{Login, Username};

/// Gives a text newtype its common traits. `Display` shows the text; `serde` goes through `Parse`, so that a
/// value from a database, a ledger or the wire is as sound as one from a form.
macro_rules! text_newtype {
    ($name:ident) => {
        impl $name {
            /// The text of the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Problem;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                <Self as $crate::Parse>::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::Problem;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                <Self as $crate::Parse>::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}
pub(crate) use text_newtype;

/// A text shortened and stripped of control characters, safe to repeat in an error.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(64).collect();
    if text.chars().count() > 64 {
        shown.push('…');
    }
    shown
}
