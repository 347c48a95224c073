use super::Edit;
use crate::domain::{Docroot, HstsAge, HttpsRedirect};
use crate::{Fields, Problems};

/// Change the settings of a domain's site; what is not named stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditDomain {
    /// Where its files are.
    pub docroot: Option<Docroot>,
    /// Whether visitors are sent to HTTPS.
    pub https_redirect: Option<HttpsRedirect>,
    /// For how long browsers remember to come by HTTPS only.
    pub hsts: Edit<HstsAge>,
}

impl EditDomain {
    /// Reads `docroot`, `https_redirect` and `hsts`; null takes the last one away.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let docroot = fields.optional("docroot");
        let https_redirect = fields.optional("https_redirect");
        let hsts = if fields.sent("hsts") {
            match fields.optional_number("hsts").map(HstsAge::try_from) {
                Some(age) => fields.keep("hsts", age).map_or(Edit::Keep, Edit::Set),
                None => Edit::Clear,
            }
        } else {
            Edit::Keep
        };
        fields.finish().into_result().map(|()| Self { docroot, https_redirect, hsts })
    }
}
