//! `berth domain …`

use berth_core::view::DomainView;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::change::{ChangeArgs, object};
use super::pages;
use super::user::UserArg;
use crate::client::{Request, Session, WaitArgs, decode, follow_change};
use crate::failure::Failure;
use crate::output::{Console, sheet, table, yes};

#[derive(Debug, Subcommand)]
pub(crate) enum DomainCommand {
    /// Add a domain with its site to a user's account
    Add(AddArgs),
    /// Change the settings of a domain's site
    Edit(EditArgs),
    /// Remove a domain; its files stay in the home
    Remove(RemoveArgs),
    /// List the domains of a user
    List(ListArgs),
    /// Show a domain, and how to prove that it is the user's as long as nobody has
    Show(ShowArgs),
    /// Look for the proof of a domain's ownership now
    Verify(ProveArgs),
    /// Vouch for a domain's ownership (administrators only)
    Approve(ProveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    user: UserArg,

    /// The domain, such as example.com
    domain: String,

    /// Where the site's files are: `public_html` or a directory below it
    #[arg(long, value_name = "PATH")]
    docroot: Option<String>,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    #[command(flatten)]
    user: UserArg,

    /// The domain
    domain: String,

    /// Where the site's files are: `public_html` or a directory below it
    #[arg(long, value_name = "PATH")]
    docroot: Option<String>,

    /// Send visitors to HTTPS: `auto` (as soon as there is a certificate), `on` or `off`
    #[arg(long, value_name = "WHEN")]
    https_redirect: Option<String>,

    /// For how long browsers remember to come by HTTPS only, or `off`
    #[arg(long, value_name = "SECONDS")]
    hsts: Option<String>,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    user: UserArg,

    /// The domain
    domain: String,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    #[command(flatten)]
    user: UserArg,

    /// The domain
    domain: String,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    user: UserArg,

    /// The domain
    domain: String,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    user: UserArg,
}

impl AddArgs {
    pub(super) fn body(&self) -> Value {
        object([
            ("domain", Some(Value::from(self.domain.clone()))),
            ("docroot", self.docroot.clone().map(Value::from)),
        ])
    }
}

impl EditArgs {
    pub(super) fn body(&self) -> Value {
        // What is no number goes as it is, for the server to say what is wrong with it.
        let seconds = |text: &String| match text.as_str() {
            "off" => Value::Null,
            text => text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
        };
        object([
            ("docroot", self.docroot.clone().map(Value::from)),
            ("https_redirect", self.https_redirect.clone().map(Value::from)),
            ("hsts", self.hsts.as_ref().map(seconds)),
        ])
    }
}

impl DomainCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Add(args) => {
                let user = &args.user.user;
                let request = Request::post(&["users", user, "domains"], args.body());
                match args.change.send(session, request).await? {
                    Some(answer) => shown(session, user, &answer, &args.wait).await,
                    None => Ok(()),
                }
            }
            Self::Edit(args) => {
                let user = &args.user.user;
                let request = Request::patch(&["users", user, "domains", &args.domain], args.body());
                match args.change.send(session, request).await? {
                    Some(answer) => shown(session, user, &answer, &args.wait).await,
                    None => Ok(()),
                }
            }
            Self::Remove(args) => {
                let user = &args.user.user;
                let request = Request::delete(&["users", user, "domains", &args.domain]);
                let Some(answer) = args.change.send(session, request).await? else { return Ok(()) };
                session.console.answer(&answer, || format!("domain {} is removed", args.domain));
                follow_change(session, user, &args.wait).await
            }
            Self::List(args) => list(session, args).await,
            Self::Show(args) => {
                let answer =
                    session.send(Request::get(&["users", &args.user.user, "domains", &args.domain])).await?;
                show(session, &answer)
            }
            Self::Verify(args) => args.send(session, "verify").await,
            Self::Approve(args) => args.send(session, "approve").await,
        }
    }
}

impl ProveArgs {
    async fn send(&self, session: &Session, verb: &str) -> Result<(), Failure> {
        let user = &self.user.user;
        let request = Request::post(
            &["users", user, "domains", &self.domain, verb],
            Value::Object(serde_json::Map::new()),
        );
        match self.change.send(session, request).await? {
            Some(answer) => shown(session, user, &answer, &self.wait).await,
            None => Ok(()),
        }
    }
}

async fn shown(session: &Session, user: &str, answer: &Value, wait: &WaitArgs) -> Result<(), Failure> {
    show(session, answer)?;
    follow_change(session, user, wait).await
}

fn show(session: &Session, answer: &Value) -> Result<(), Failure> {
    let domain: DomainView = decode(answer)?;
    session.console.answer(answer, || {
        sheet([
            ("id", Some(domain.id.to_string())),
            ("domain", Some(domain.fqdn.to_string())),
            ("aliases", Some(aliases(&domain))),
            ("docroot", Some(domain.docroot.to_string())),
            ("https redirect", Some(domain.https_redirect.as_str().to_owned())),
            ("hsts", domain.hsts.map(|age| format!("{} seconds", age.seconds()))),
            ("state", Some(domain.state.as_str().to_owned())),
            (
                "last look",
                domain.ownership.as_ref().and_then(|o| o.problem.as_ref()).map(|p| p.detail.clone()),
            ),
        ])
    });
    if let Some(ownership) = &domain.ownership {
        Console::note(format!(
            "the domain is pending until its ownership is proven: publish `{}` as TXT record of {}, or as the \
             file {}; then `berth domain verify`",
            ownership.value, ownership.record, ownership.url
        ));
    }
    Ok(())
}

async fn list(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let request = Request::get(&["users", &args.user.user, "domains"]);
    pages::whole::<DomainView>(session, request, |domains| {
        table(
            ["DOMAIN", "ALIASES", "PRIMARY", "STATE", "DOCROOT"],
            domains.iter().map(|domain| {
                [
                    domain.fqdn.to_string(),
                    aliases(domain),
                    yes(domain.primary),
                    domain.state.as_str().to_owned(),
                    domain.docroot.to_string(),
                ]
            }),
        )
    })
    .await
}

fn aliases(domain: &DomainView) -> String {
    domain.aliases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
