//! `site`: the sites of accounts.

use berth_core::Parse;
use berth_core::command::AddDomain;
use berth_core::domain::Docroot;
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::role::UserRef;

use super::sites::{Get, Shown};
use super::{Known, Operation as Any};
use crate::app::{self, Ctx, SiteRef};
use crate::plesk::fault::{Fault, NO_OWNER, STATUS, VALUE};
use crate::plesk::reply::{Node, leaf, result};
use crate::plesk::schema::{Order, Sequence, number, text, unexpected};
use crate::plesk::xml::Element;

pub(super) const OPERATOR: Known = Known {
    name: "site",
    offered: &[
        ("add", |element, order| Add::read(element, order).map(|add| Any::Site(Operation::Add(add)))),
        ("get", |element, order| Get::read(element, order).map(|get| Any::Site(Operation::Get(get)))),
    ],
    refused: &[
        "set",
        "del",
        "get-physical-hosting-descriptor",
        "get-traffic",
        "set-traffic",
        "get-php-handler",
        "set-php-handler",
    ],
};

/// What the operator is asked for.
#[derive(Debug)]
pub(in crate::plesk) enum Operation {
    Add(Add),
    Get(Get),
}

impl Operation {
    pub(super) async fn run(self, ctx: &Ctx) -> Vec<Node> {
        match self {
            Self::Add(add) => vec![result(add.run(ctx).await)],
            Self::Get(get) => get.run(ctx, Shown::Sites).await,
        }
    }
}

/// `add`
#[derive(Debug)]
pub(in crate::plesk) struct Add {
    name: String,
    webspace: Option<SiteRef>,
}

impl Add {
    fn read(element: &Element, order: Order) -> Result<Self, Fault> {
        let mut sequence = Sequence::new(element, order)?;
        let setup = sequence.required("gen_setup")?;
        let hosting = sequence.optional("hosting");
        for name in ["prefs", "performance", "mail"] {
            sequence.optional(name);
        }
        sequence.finish()?;
        if let Some(kind) = hosting.and_then(|hosting| hosting.children.first())
            && !["vrt_hst", "none"].contains(&kind.name.as_str())
        {
            return Err(Fault::unsupported(&format!("Hosting of the kind {}", super::echoed(&kind.name))));
        }
        let (mut name, mut webspace) = (None, None);
        for child in &setup.children {
            match child.name.as_str() {
                "name" => name = Some(text(child)?),
                "webspace-id" => webspace = Some(SiteRef::Number(number(child)?)),
                "webspace-name" => webspace = Some(of_name(&text(child)?)?),
                "htype" => match text(child)?.as_str() {
                    "vrt_hst" | "none" => {}
                    other => {
                        return Err(Fault::unsupported(&format!(
                            "Hosting of the kind {}",
                            super::echoed(other)
                        )));
                    }
                },
                "status" if number(child)? != 0 => return Err(Fault::new(STATUS, "A new site is active")),
                "status" | "description" => {}
                _ => {
                    return Err(unexpected(
                        child,
                        &["name", "htype", "status", "webspace-name", "webspace-id"],
                    ));
                }
            }
        }
        let name = name.ok_or_else(|| {
            Fault::form(setup.line, "Element 'gen_setup': Missing child element(s). Expected is ( name ).")
        })?;
        Ok(Self { name, webspace })
    }

    async fn run(self, ctx: &Ctx) -> Result<Vec<Node>, Fault> {
        let Some(webspace) = self.webspace else {
            return Err(Fault::new(VALUE, "Name the webspace by webspace-id or webspace-name"));
        };
        let webspace = app::show_site(ctx, &webspace).await?;
        let fqdn = Fqdn::parse(&self.name)?;
        let command = AddDomain { fqdn: fqdn.clone(), docroot: Docroot::default() };
        app::add_domain(ctx, &UserRef::Id(webspace.owner), command, Mode::Apply).await?;
        let added = app::show_site(ctx, &SiteRef::Name(fqdn)).await?;
        Ok(vec![leaf("id", added.number), leaf("guid", added.id)])
    }
}

fn of_name(name: &str) -> Result<SiteRef, Fault> {
    Fqdn::parse(name).map(SiteRef::Name).map_err(|_| Fault::new(NO_OWNER, "Domain does not exist"))
}
