use crate::domain::{Docroot, HstsAge, HttpsRedirect};
use crate::{Fields, Problems};

/// Change the settings of a domain's site; what is not named stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditDomain {
    /// Where its files are.
    pub docroot: Option<Docroot>,
    /// Whether visitors are sent to HTTPS.
    pub https_redirect: Option<HttpsRedirect>,
    /// For how long browsers remember to come by HTTPS only; `Some(None)` has them not remember it.
    pub hsts: Option<Option<HstsAge>>,
}

impl EditDomain {
    /// Reads `docroot`, `https_redirect` and `hsts`, which null takes away.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let docroot = fields.optional("docroot");
        let https_redirect = fields.optional("https_redirect");
        let hsts = fields.sent("hsts").then(|| {
            fields.optional_number("hsts").and_then(|seconds| fields.keep("hsts", HstsAge::try_from(seconds)))
        });
        fields.finish().into_result().map(|()| Self { docroot, https_redirect, hsts })
    }
}
