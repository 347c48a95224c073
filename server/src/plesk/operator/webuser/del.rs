use berth_core::mode::Mode;

use super::filter::{Filter, Selector};
use crate::app::{self, Ctx, WebUserRef};
use crate::plesk::fault::Fault;
use crate::plesk::reply::Node;
use crate::plesk::schema::{Order, Sequence};
use crate::plesk::xml::Element;

/// `del`
#[derive(Debug)]
pub(in crate::plesk) struct Del(Filter);

impl Del {
    pub(super) fn read(element: &Element, order: Order) -> Result<Self, Fault> {
        let mut sequence = Sequence::new(element, order)?;
        let filter = Filter::read(sequence.required("filter")?)?;
        let within = Selector::trailing(&mut sequence)?;
        sequence.finish()?;
        Ok(Self(filter.within(within)))
    }

    pub(super) async fn run(self, ctx: &Ctx) -> Vec<Node> {
        let mut results = Vec::new();
        for found in self.0.find(ctx).await {
            results.extend(found.alone());
            for user in found.outcome.iter().flatten() {
                let named = WebUserRef::Number(user.id);
                let deleted = app::delete_web_user(ctx, &named, Mode::Apply).await;
                results.push(found.of(user, deleted.map(|_| Vec::new()).map_err(Fault::from)));
            }
        }
        results
    }
}
