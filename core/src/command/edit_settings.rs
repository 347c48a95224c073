use super::Edit;
use crate::name::{Email, PackageName};
use crate::password::Password;
use crate::settings::{
    Installation, MailTransport, RelayHost, SenderName, SmtpTls, SmtpUsername, WebAddress,
};
use crate::{Code, Fields, Parse, Problems};

/// Change settings, each under its dotted name; what is not said stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditSettings {
    default_package: Edit<PackageName>,
    invitation_days: Option<u16>,
    trash_days: Option<u16>,
    enforce_2fa_for_admins: Option<bool>,
    password_min_length: Option<u16>,
    password_min_score: Option<u8>,
    session_idle_minutes: Option<u32>,
    session_hours: Option<u32>,
    support_email: Edit<Email>,
    support_url: Edit<WebAddress>,
    mail_transport: Option<MailTransport>,
    mail_from: Edit<Email>,
    mail_from_name: Option<SenderName>,
    smtp_host: Edit<RelayHost>,
    smtp_port: Option<u16>,
    smtp_tls: Option<SmtpTls>,
    smtp_username: Edit<SmtpUsername>,
    welcome_include_password: Option<bool>,
    /// The relay's password; `Some(None)` takes it away.
    pub smtp_password: Option<Option<Password>>,
}

impl EditSettings {
    /// Reads every setting of [`Installation`] under its dotted name, and `mail.smtp_password`. An empty text
    /// or null clears what may be absent.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let f = &mut fields;
        let command = Self {
            default_package: clearable(f, "general.default_package"),
            invitation_days: within(f, "general.invitation_days", 1, 90),
            trash_days: within(f, "trash.days", 0, 365),
            enforce_2fa_for_admins: f.optional_switch("security.enforce_2fa_for_admins"),
            password_min_length: within(f, "security.password_min_length", 10, 64),
            password_min_score: within(f, "security.password_min_score", 0, 4),
            session_idle_minutes: within(f, "security.session_idle_minutes", 5, 60 * 24 * 30),
            session_hours: within(f, "security.session_hours", 1, 24 * 90),
            support_email: clearable(f, "support.email"),
            support_url: clearable(f, "support.url"),
            mail_transport: f.optional("mail.transport"),
            mail_from: clearable(f, "mail.from"),
            mail_from_name: f.optional("mail.from_name"),
            smtp_host: clearable(f, "mail.smtp_host"),
            smtp_port: within(f, "mail.smtp_port", 1, 65535),
            smtp_tls: f.optional("mail.smtp_tls"),
            smtp_username: clearable(f, "mail.smtp_username"),
            welcome_include_password: f.optional_switch("welcome.include_password"),
            smtp_password: f.sent("mail.smtp_password").then(|| f.optional("mail.smtp_password")),
        };
        fields.finish().into_result().map(|()| command)
    }

    /// The settings after the edit.
    #[must_use]
    pub fn apply(&self, old: Installation) -> Installation {
        let new = self.clone();
        Installation {
            default_package: new.default_package.apply(old.default_package),
            invitation_days: new.invitation_days.unwrap_or(old.invitation_days),
            trash_days: new.trash_days.unwrap_or(old.trash_days),
            enforce_2fa_for_admins: new.enforce_2fa_for_admins.unwrap_or(old.enforce_2fa_for_admins),
            password_min_length: new.password_min_length.unwrap_or(old.password_min_length),
            password_min_score: new.password_min_score.unwrap_or(old.password_min_score),
            session_idle_minutes: new.session_idle_minutes.unwrap_or(old.session_idle_minutes),
            session_hours: new.session_hours.unwrap_or(old.session_hours),
            support_email: new.support_email.apply(old.support_email),
            support_url: new.support_url.apply(old.support_url),
            mail_transport: new.mail_transport.unwrap_or(old.mail_transport),
            mail_from: new.mail_from.apply(old.mail_from),
            mail_from_name: new.mail_from_name.unwrap_or(old.mail_from_name),
            smtp_host: new.smtp_host.apply(old.smtp_host),
            smtp_port: new.smtp_port.unwrap_or(old.smtp_port),
            smtp_tls: new.smtp_tls.unwrap_or(old.smtp_tls),
            smtp_username: new.smtp_username.apply(old.smtp_username),
            welcome_include_password: new.welcome_include_password.unwrap_or(old.welcome_include_password),
        }
    }
}

fn clearable<T: Parse>(fields: &mut Fields, name: &str) -> Edit<T> {
    if !fields.sent(name) {
        return Edit::Keep;
    }
    fields.optional(name).map_or(Edit::Clear, Edit::Set)
}

/// A whole number within bounds.
fn within<T: TryFrom<u64>>(fields: &mut Fields, name: &str, least: u64, most: u64) -> Option<T> {
    let number = fields.optional_number(name)?;
    if !(least..=most).contains(&number) {
        fields.refuse(name, Code::ValueInvalid, format!("use {least} to {most}"));
        return None;
    }
    T::try_from(number).ok()
}
