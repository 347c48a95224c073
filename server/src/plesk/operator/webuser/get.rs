use berth_core::view::WebUserView;

use super::filter::{Filter, Selector};
use crate::app::Ctx;
use crate::plesk::fault::Fault;
use crate::plesk::reply::{Node, leaf, node};
use crate::plesk::schema::{Order, Sequence};
use crate::plesk::xml::Element;

/// `get`
#[derive(Debug)]
pub(in crate::plesk) struct Get(Filter);

impl Get {
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
                results.push(found.of(user, Ok(shown(user))));
            }
        }
        results
    }
}

/// Login, quota and services; what is off is left out.
fn shown(user: &WebUserView) -> Vec<Node> {
    let quota = user.quota_bytes.map_or_else(|| "-1".to_owned(), |quota| quota.bytes().to_string());
    let mut nodes = vec![leaf("login", &user.login), leaf("ftp-quota", quota)];
    if !user.services.is_empty() {
        let services = user
            .services
            .iter()
            .map(|service| node("service", vec![leaf("name", service.as_str()), leaf("value", true)]));
        nodes.push(node("services", services.collect()));
    }
    nodes
}
