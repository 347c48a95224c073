use berth_core::Parse;
use berth_core::command::AddWebUser;
use berth_core::mode::Mode;
use berth_core::web_user::{NewPassword, WebUserLogin};

use super::values::Values;
use crate::app::{self, Ctx, SiteRef};
use crate::plesk::fault::Fault;
use crate::plesk::reply::{Node, leaf, result};
use crate::plesk::schema::{Order, Sequence, number};
use crate::plesk::xml::Element;

/// `add`
#[derive(Debug)]
pub(in crate::plesk) struct Add {
    site: i64,
    login: String,
    values: Values,
}

impl Add {
    pub(super) fn read(element: &Element, order: Order) -> Result<Self, Fault> {
        let mut sequence = Sequence::new(element, order)?;
        let site = number(sequence.required("site-id")?)?;
        let login = sequence.required_text("login")?;
        let values = Values::read(&mut sequence, order)?;
        sequence.finish()?;
        Ok(Self { site, login, values })
    }

    pub(super) async fn run(self, ctx: &Ctx) -> Node {
        result(self.attempt(ctx).await)
    }

    async fn attempt(self, ctx: &Ctx) -> Result<Vec<Node>, Fault> {
        let site = SiteRef::Number(self.site);
        // Of several mistakes the site comes first: without it, the rest means nothing.
        app::show_web_user_prefs(ctx, &site).await?;
        let command = AddWebUser {
            login: WebUserLogin::parse(&self.login)?,
            password: self.values.password()?.unwrap_or(NewPassword::Locked),
            quota: self.values.quota()?.flatten(),
            services: self.values.services(&[])?,
        };
        let added = app::add_web_user(ctx, &site, command, Mode::Apply).await?;
        Ok(added.done().map(|user| vec![leaf("id", user.id)]).unwrap_or_default())
    }
}
