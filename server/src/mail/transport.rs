//! How mail leaves: through an SMTP relay, or into files of an installation that is tried out.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use berth_core::settings::{Installation, MailTransport, SmtpTls};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

/// How long the relay may take for one mail.
const PATIENCE: Duration = Duration::from_secs(30);

/// Mail that is kept as files, at most; the oldest go.
const FILES_MAX: usize = 200;

/// A mail that is ready to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What a receiver knows a repetition by.
    pub id: String,
    /// Where it goes.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Why a mail did not leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct MailError {
    /// What went wrong, without anything secret.
    pub what: String,
    /// Whether trying again makes no sense.
    pub permanent: bool,
}

/// Something that mail leaves through.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends a mail; `password` is that of the relay.
    async fn send(
        &self,
        settings: &Installation,
        password: Option<&str>,
        message: &Message,
    ) -> Result<(), MailError>;
}

/// Mail as the settings say.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Where files go.
    pub directory: PathBuf,
}

#[async_trait]
impl Mailer for Relay {
    async fn send(
        &self,
        settings: &Installation,
        password: Option<&str>,
        message: &Message,
    ) -> Result<(), MailError> {
        let mail = mime(settings, message)?;
        match settings.mail_transport {
            MailTransport::Off => {
                Err(MailError { what: "mail is not configured".to_owned(), permanent: false })
            }
            MailTransport::Smtp => through_relay(settings, password, mail).await,
            MailTransport::File => self.write_file(message, mail.formatted()).await,
        }
    }
}

fn permanent(error: impl std::fmt::Display) -> MailError {
    MailError { what: error.to_string(), permanent: true }
}

fn mime(settings: &Installation, message: &Message) -> Result<lettre::Message, MailError> {
    let address = |text: &str| text.parse::<Address>().map_err(permanent);
    let Some(from) = &settings.mail_from else {
        return Err(MailError { what: "`mail.from` is missing".to_owned(), permanent: false });
    };
    let sender = Mailbox::new(Some(settings.mail_from_name.to_string()), address(from.as_str())?);
    let domain = from.as_str().rsplit('@').next().unwrap_or("localhost");
    lettre::Message::builder()
        .from(sender)
        .to(Mailbox::new(None, address(&message.to)?))
        .message_id(Some(format!("<{}@{domain}>", message.id)))
        .header(AutoSubmitted)
        .subject(message.subject.clone())
        .multipart(MultiPart::alternative_plain_html(message.text.clone(), message.html.clone()))
        .map_err(permanent)
}

/// Tells robots that nobody reads an automatic answer (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

async fn through_relay(
    settings: &Installation,
    password: Option<&str>,
    mail: lettre::Message,
) -> Result<(), MailError> {
    let Some(host) = &settings.smtp_host else {
        return Err(MailError { what: "`mail.smtp_host` is missing".to_owned(), permanent: false });
    };
    let temporary = |error: &dyn std::fmt::Display| MailError { what: error.to_string(), permanent: false };
    let tls = match settings.smtp_tls {
        SmtpTls::None => Tls::None,
        SmtpTls::StartTls | SmtpTls::Implicit => {
            let parameters =
                TlsParameters::new(host.as_str().to_owned()).map_err(|error| temporary(&error))?;
            if settings.smtp_tls == SmtpTls::Implicit {
                Tls::Wrapper(parameters)
            } else {
                Tls::Required(parameters)
            }
        }
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.as_str())
        .port(settings.smtp_port)
        .tls(tls)
        .timeout(Some(PATIENCE));
    if let Some((username, password)) = settings.smtp_username.as_ref().zip(password) {
        builder = builder.credentials(Credentials::new(username.to_string(), password.to_owned()));
    }
    match builder.build().send(mail).await {
        Ok(_) => Ok(()),
        Err(error) => Err(MailError { permanent: error.is_permanent(), what: error.to_string() }),
    }
}

impl Relay {
    async fn write_file(&self, message: &Message, bytes: Vec<u8>) -> Result<(), MailError> {
        use std::io::Write;
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        let directory = self.directory.clone();
        let name = format!("{}.eml", message.id);
        let write = move || -> std::io::Result<()> {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
            // Whole or not at all: it gets its name when it is written.
            let draft = directory.join(format!("{name}.draft"));
            std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&draft)?
                .write_all(&bytes)?;
            std::fs::rename(&draft, directory.join(&name))?;
            let mut all: Vec<_> =
                std::fs::read_dir(&directory)?.filter_map(Result::ok).map(|entry| entry.path()).collect();
            // Names are ids that grow with time.
            all.sort();
            let surplus = all.len().saturating_sub(FILES_MAX);
            all.into_iter().take(surplus).try_for_each(std::fs::remove_file)
        };
        let written = tokio::task::spawn_blocking(write).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(MailError { what: format!("the mail can't be written: {error}"), permanent: false })
            }
            Err(error) => Err(MailError { what: error.to_string(), permanent: false }),
        }
    }
}
