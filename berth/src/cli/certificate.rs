//! `berth certificate …`

use berth_core::name::Fqdn;
use berth_core::view::CertificateView;
use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::change::ChangeArgs;
use super::pages;
use super::user::UserArg;
use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::{Console, sheet, table};

#[derive(Debug, Subcommand)]
pub(crate) enum CertificateCommand {
    /// List where the certificates of a user's sites stand
    List(ListArgs),
    /// Show where the certificate of a site stands, and what is in its way
    Show(ShowArgs),
    /// Order a new certificate now; the present one serves until it is there
    Renew(RenewArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    user: UserArg,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    user: UserArg,

    /// The domain
    domain: String,
}

#[derive(Debug, Args)]
pub(crate) struct RenewArgs {
    #[command(flatten)]
    user: UserArg,

    /// The domain
    domain: String,

    #[command(flatten)]
    change: ChangeArgs,
}

impl CertificateCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(args) => list(session, &args).await,
            Self::Show(args) => {
                let path = ["users", &args.user.user, "domains", &args.domain, "certificate"];
                show(session, &session.send(Request::get(&path)).await?)
            }
            Self::Renew(args) => {
                let path = ["users", &args.user.user, "domains", &args.domain, "certificate", "renew"];
                let request = Request::post(&path, Value::Object(Map::new()));
                match args.change.send(session, request).await? {
                    Some(answer) => show(session, &answer),
                    None => Ok(()),
                }
            }
        }
    }
}

async fn list(session: &Session, args: &ListArgs) -> Result<(), Failure> {
    let request = Request::get(&["users", &args.user.user, "certificates"]);
    pages::whole::<CertificateView>(session, request, |certificates| {
        table(
            ["DOMAIN", "STATE", "ISSUER", "ENDS", "WITHOUT"],
            certificates.iter().map(|certificate| {
                [
                    certificate.domain.to_string(),
                    certificate.state.as_str().to_owned(),
                    certificate.issuer.clone().unwrap_or_default(),
                    certificate.not_after.map(|end| end.to_rfc3339()).unwrap_or_default(),
                    joined(&certificate.missing),
                ]
            }),
        )
    })
    .await
}

fn show(session: &Session, answer: &Value) -> Result<(), Failure> {
    let certificate: CertificateView = decode(answer)?;
    session.console.answer(answer, || {
        sheet([
            ("domain", Some(certificate.domain.to_string())),
            ("state", Some(certificate.state.as_str().to_owned())),
            ("names", Some(joined(&certificate.names))),
            ("without", Some(joined(&certificate.missing))),
            ("issuer", certificate.issuer.clone()),
            ("valid from", certificate.not_before.map(|moment| moment.to_rfc3339())),
            ("ends", certificate.not_after.map(|moment| moment.to_rfc3339())),
            ("fingerprint", certificate.fingerprint.as_ref().map(ToString::to_string)),
            ("next attempt", certificate.next_attempt_at.map(|moment| moment.to_rfc3339())),
            ("failures", Some(certificate.failures.to_string())),
        ])
    });
    for problem in &certificate.problems {
        Console::note(problem.to_string());
    }
    Ok(())
}

fn joined(names: &[Fqdn]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
