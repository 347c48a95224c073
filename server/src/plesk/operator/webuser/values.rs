//! Password, quota and services, which `add` and `set` share.

use berth_core::Parse;
use berth_core::web_user::{CryptHash, NewPassword, WebService, WebUserPassword, WebUserQuota};
use zeroize::Zeroizing;

use crate::plesk::fault::{Fault, NOT_INSTALLED, VALUE};
use crate::plesk::schema::{Order, Sequence, not_of_type, switch, text};

/// The values as the packet has them.
#[derive(Default)]
pub(super) struct Values {
    password: Option<Zeroizing<String>>,
    crypt: bool,
    quota: Option<i64>,
    services: Option<Vec<(String, bool)>>,
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values").field("quota", &self.quota).finish_non_exhaustive()
    }
}

/// Longest encrypted password that the protocol allows.
const CRYPT_MAX: usize = 64;

impl Values {
    /// Reads `[password, [password-type]], [ftp-quota], [services]`.
    pub(super) fn read(sequence: &mut Sequence<'_>, order: Order) -> Result<Self, Fault> {
        let password = sequence.text("password")?.map(Zeroizing::new);
        let mut crypt = false;
        if password.is_some()
            && let Some(kind) = sequence.optional("password-type")
        {
            crypt = match text(kind)?.as_str() {
                "plain" => false,
                "crypt" => true,
                other => return Err(not_of_type(kind, other, "PasswordType")),
            };
        }
        let quota = sequence.number("ftp-quota")?;
        let services = match sequence.optional("services") {
            None => None,
            Some(element) => {
                let mut list = Sequence::new(element, order)?;
                let mut services = Vec::new();
                // At least one, as the protocol demands.
                let first = list.required("service")?;
                for service in std::iter::once(first).chain(list.repeated("service")) {
                    let mut pair = Sequence::new(service, order)?;
                    let name = pair.required_text("name")?;
                    let value = switch(pair.required("value")?)?;
                    pair.finish()?;
                    services.push((name, value));
                }
                list.finish()?;
                Some(services)
            }
        };
        Ok(Self { password, crypt, quota, services })
    }

    /// The password, if one is named.
    pub(super) fn password(&self) -> Result<Option<NewPassword>, Fault> {
        let Some(text) = &self.password else { return Ok(None) };
        if text.is_empty() {
            return Ok(Some(NewPassword::Locked));
        }
        if !self.crypt {
            return Ok(Some(NewPassword::Plain(WebUserPassword::parse(text)?)));
        }
        if text.chars().count() > CRYPT_MAX {
            let what = format!("an encrypted password has 4 to {CRYPT_MAX} characters");
            return Err(Fault::new(VALUE, what));
        }
        Ok(Some(NewPassword::Hashed(CryptHash::parse(text)?)))
    }

    /// The quota, if one is named; `Some(None)` is no quota of the web user's own.
    #[expect(clippy::option_option, reason = "not said, no quota and a quota are three things")]
    pub(super) fn quota(&self) -> Result<Option<Option<WebUserQuota>>, Fault> {
        match self.quota {
            None => Ok(None),
            Some(-1) => Ok(Some(None)),
            Some(bytes) => match u64::try_from(bytes) {
                Ok(bytes) => Ok(Some(Some(WebUserQuota::try_from(bytes)?))),
                Err(_) => Err(Fault::new(VALUE, "ftp-quota is a number of bytes, or -1 for no limit")),
            },
        }
    }

    /// What is to be on, given what is on now; nothing if no service is named.
    pub(super) fn services(&self, now: &[WebService]) -> Result<Option<Vec<WebService>>, Fault> {
        let Some(named) = &self.services else { return Ok(None) };
        let mut on = now.to_vec();
        for (name, value) in named {
            match WebService::parse(name) {
                Ok(service) => {
                    on.retain(|other| *other != service);
                    if *value {
                        on.push(service);
                    }
                }
                Err(problem) => {
                    let fault = Fault::from(problem);
                    // What is not there is off already.
                    if fault.code != NOT_INSTALLED || *value {
                        return Err(fault);
                    }
                }
            }
        }
        Ok(Some(on))
    }
}
