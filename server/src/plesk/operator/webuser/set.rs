use berth_core::command::EditWebUser;
use berth_core::mode::Mode;
use berth_core::view::WebUserView;

use super::filter::{Filter, Selector};
use super::values::Values;
use crate::app::{self, Ctx, WebUserRef};
use crate::plesk::fault::Fault;
use crate::plesk::reply::Node;
use crate::plesk::schema::{Order, Sequence};
use crate::plesk::xml::Element;

/// `set`
#[derive(Debug)]
pub(in crate::plesk) struct Set {
    filter: Filter,
    values: Values,
}

impl Set {
    pub(super) fn read(element: &Element, order: Order) -> Result<Self, Fault> {
        let mut sequence = Sequence::new(element, order)?;
        let filter = Filter::read(sequence.required("filter")?)?;
        let mut inner = Sequence::new(sequence.required("values")?, order)?;
        let values = Values::read(&mut inner, order)?;
        inner.finish()?;
        let within = Selector::trailing(&mut sequence)?;
        sequence.finish()?;
        Ok(Self { filter: filter.within(within), values })
    }

    pub(super) async fn run(self, ctx: &Ctx) -> Vec<Node> {
        let mut results = Vec::new();
        for found in self.filter.find(ctx).await {
            results.extend(found.alone());
            for user in found.outcome.iter().flatten() {
                let outcome = change(ctx, user, &self.values).await;
                results.push(found.of(user, outcome.map(|()| Vec::new())));
            }
        }
        results
    }
}

async fn change(ctx: &Ctx, user: &WebUserView, values: &Values) -> Result<(), Fault> {
    let command = EditWebUser {
        password: values.password()?,
        quota: values.quota()?,
        services: values.services(&user.services)?,
    };
    app::edit_web_user(ctx, &WebUserRef::Number(user.id), command, Mode::Apply).await?;
    Ok(())
}
