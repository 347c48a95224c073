use crate::domain::Docroot;
use crate::name::Fqdn;
use crate::{Fields, Problems};

/// Add a domain with its site to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddDomain {
    /// The domain.
    pub fqdn: Fqdn,
    /// Where its files are.
    pub docroot: Docroot,
}

impl AddDomain {
    /// Reads `domain` and `docroot`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let fqdn = fields.required("domain");
        let docroot = fields.optional("docroot").unwrap_or_default();
        let problems = fields.finish();
        match fqdn {
            Some(fqdn) if problems.is_empty() => Ok(Self { fqdn, docroot }),
            _ => Err(problems),
        }
    }
}
