use berth_core::mode::Mode;

use super::filter::Selector;
use crate::app::{self, Ctx};
use crate::plesk::fault::Fault;
use crate::plesk::reply::{Node, error, leaf, ok};
use crate::plesk::schema::{Order, Sequence, switch, unexpected};
use crate::plesk::xml::Element;

/// `get-prefs` and `set-prefs`
#[derive(Debug)]
pub(in crate::plesk) struct Prefs {
    sites: Vec<Selector>,
    /// What to set; nothing for a look.
    scripts: Option<bool>,
}

impl Prefs {
    pub(super) fn read_get(element: &Element, order: Order) -> Result<Self, Fault> {
        let mut sequence = Sequence::new(element, order)?;
        let sites = sites(sequence.required("filter")?)?;
        Selector::trailing(&mut sequence)?;
        sequence.finish()?;
        Ok(Self { sites, scripts: None })
    }

    pub(super) fn read_set(element: &Element, order: Order) -> Result<Self, Fault> {
        let mut sequence = Sequence::new(element, order)?;
        let sites = sites(sequence.required("filter")?)?;
        let mut values = Sequence::new(sequence.required("values")?, order)?;
        let scripts = switch(values.required("wuscripts")?)?;
        values.finish()?;
        Selector::trailing(&mut sequence)?;
        sequence.finish()?;
        Ok(Self { sites, scripts: Some(scripts) })
    }

    pub(super) async fn run(self, ctx: &Ctx) -> Vec<Node> {
        let mut results = Vec::with_capacity(self.sites.len());
        for site in &self.sites {
            let filter_id = leaf("filter-id", site.shown());
            results.push(match one(ctx, site, self.scripts).await {
                Ok(nodes) => ok(std::iter::once(filter_id).chain(nodes).collect()),
                Err(fault) => error(&fault, vec![filter_id]),
            });
        }
        results
    }
}

async fn one(ctx: &Ctx, site: &Selector, scripts: Option<bool>) -> Result<Vec<Node>, Fault> {
    let named = site.site()?;
    let Some(scripts) = scripts else {
        let prefs = app::show_web_user_prefs(ctx, &named).await?;
        return Ok(vec![leaf("id", prefs.site), leaf("wuscripts", prefs.scripts)]);
    };
    let set = app::set_web_user_prefs(ctx, &named, scripts, Mode::Apply).await?;
    Ok(set.done().map(|prefs| vec![leaf("id", prefs.site)]).unwrap_or_default())
}

/// A filter of sites: at least one, all by number or all by name.
fn sites(filter: &Element) -> Result<Vec<Selector>, Fault> {
    const KINDS: &[&str] = &["site-id", "site-name"];
    let mut sequence = Sequence::new(filter, Order::Strict)?;
    let Some(first) = sequence.any() else {
        let what = "Element 'filter': Missing child element(s). Expected is one of ( site-id, site-name ).";
        return Err(Fault::form(filter.line, what));
    };
    let Some(kind) = KINDS.iter().find(|kind| **kind == first.name) else {
        return Err(unexpected(first, KINDS));
    };
    let more = sequence.repeated(kind);
    let sites = std::iter::once(first).chain(more).map(Selector::read).collect::<Result<_, _>>()?;
    sequence.finish()?;
    Ok(sites)
}
