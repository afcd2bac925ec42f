//! The counters of one cache, found by a function's index: two loads on a hit.

use std::sync::{Arc, OnceLock};

use crate::site::Site;
use crate::telemetry::{Counters, FunctionStats};

const PAGE: usize = 64;
const PAGES: usize = 64;

type Page = Box<[OnceLock<Arc<Counters>>; PAGE]>;

/// Room for 4,096 functions; whatever comes later is counted together.
pub(crate) struct Functions {
    pages: [OnceLock<Page>; PAGES],
    rest: Arc<Counters>,
}

impl Functions {
    pub(crate) fn new() -> Self {
        Self { pages: [const { OnceLock::new() }; PAGES], rest: Arc::new(Counters::new("(others)", "")) }
    }

    #[inline]
    pub(crate) fn counters(&self, site: &Site) -> &Arc<Counters> {
        let index = site.index();
        let Some(page) = self.pages.get(index / PAGE) else { return &self.rest };
        let page = page.get_or_init(|| Box::new([const { OnceLock::new() }; PAGE]));
        page[index % PAGE].get_or_init(|| Arc::new(Counters::new(site.info().name, site.info().module)))
    }

    pub(crate) fn read(&self) -> Vec<FunctionStats> {
        let pages = self.pages.iter().filter_map(OnceLock::get);
        pages.flat_map(|page| page.iter()).filter_map(OnceLock::get).map(|counters| counters.read()).collect()
    }
}
