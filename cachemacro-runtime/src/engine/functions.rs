//! The counters of one cache, found by a function's index: two loads on a hit.

use std::sync::OnceLock;

use crate::site::Site;
use crate::telemetry::{Counters, FunctionStats};

const PAGE: usize = 64;
const PAGES: usize = 64;

type Page = Box<[OnceLock<Counters>; PAGE]>;

/// Room for 4,096 functions; whatever comes later is counted together.
pub(crate) struct Functions {
    pages: [OnceLock<Page>; PAGES],
    rest: Counters,
}

impl Functions {
    pub(crate) fn new() -> Self {
        Self { pages: [const { OnceLock::new() }; PAGES], rest: Counters::new("(others)", "") }
    }

    #[inline]
    pub(crate) fn counters(&self, site: &Site) -> &Counters {
        let index = site.index();
        let page = self.pages.get(index / PAGE).and_then(OnceLock::get);
        match page.and_then(|page| page[index % PAGE].get()) {
            Some(counters) => counters,
            None => self.begin(site),
        }
    }

    #[cold]
    fn begin(&self, site: &Site) -> &Counters {
        let index = site.index();
        let Some(page) = self.pages.get(index / PAGE) else { return &self.rest };
        let page = page.get_or_init(|| Box::new([const { OnceLock::new() }; PAGE]));
        page[index % PAGE].get_or_init(|| Counters::new(site.info().name, site.info().module))
    }

    pub(crate) fn read(&self) -> Vec<FunctionStats> {
        let pages = self.pages.iter().filter_map(OnceLock::get);
        pages.flat_map(|page| page.iter()).filter_map(OnceLock::get).map(|counters| counters.read()).collect()
    }
}
