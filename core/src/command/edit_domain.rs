use crate::domain::Docroot;
use crate::{Fields, Problems};

/// Change the settings of a domain's site; what is not named stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditDomain {
    /// Where its files are.
    pub docroot: Option<Docroot>,
}

impl EditDomain {
    /// Reads `docroot`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let docroot = fields.optional("docroot");
        fields.finish().into_result().map(|()| Self { docroot })
    }
}
