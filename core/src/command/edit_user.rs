use crate::name::{DisplayName, Email};
use crate::user::{Language, Phone, PostalAddress, Timezone};
use crate::{Fields, Parse, Problems};

/// What happens to a field that may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Edit<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes empty.
    Clear,
    /// It gets a value.
    Set(T),
}

impl<T> Edit<T> {
    /// The value after the edit.
    pub fn apply(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Keep => old,
            Self::Clear => None,
            Self::Set(new) => Some(new),
        }
    }
}

/// Change a profile; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditUser {
    /// New name.
    pub display_name: Option<DisplayName>,
    /// New address.
    pub email: Option<Email>,
    /// New telephone number.
    pub phone: Edit<Phone>,
    /// New postal address.
    pub address: Edit<PostalAddress>,
    /// New time zone.
    pub timezone: Edit<Timezone>,
    /// New language.
    pub language: Option<Language>,
}

impl EditUser {
    /// Reads `display_name`, `email`, `phone`, `address`, `timezone` and `language`. An empty text or null
    /// empties phone, address and time zone.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let command = Self {
            display_name: present(&mut fields, "display_name"),
            email: present(&mut fields, "email"),
            phone: clearable(&mut fields, "phone"),
            address: clearable(&mut fields, "address"),
            timezone: clearable(&mut fields, "timezone"),
            language: present(&mut fields, "language"),
        };
        fields.finish().into_result().map(|()| command)
    }
}

/// A field that may be absent, but not empty.
fn present<T: Parse>(fields: &mut Fields, name: &str) -> Option<T> {
    if fields.sent(name) { fields.required(name) } else { None }
}

/// A field that may be absent, and that an empty value clears.
fn clearable<T: Parse>(fields: &mut Fields, name: &str) -> Edit<T> {
    if !fields.sent(name) {
        return Edit::Keep;
    }
    fields.optional(name).map_or(Edit::Clear, Edit::Set)
}
