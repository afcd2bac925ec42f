//! The counters of one cache, found by the index of the function. A hit needs two memory loads to find them.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::counters::Counters;
use super::stats::FunctionStats;
use crate::callsite::Callsite;

const PAGE: usize = 64;
const PAGES: usize = 64;

/// The name of the functions that are counted together.
const OTHERS: &str = "(others)";

type Page = Box<[OnceLock<Counters>; PAGE]>;

/// Room for 4,096 functions; later ones are counted together, under [`OTHERS`].
pub(crate) struct Functions {
    pages: [OnceLock<Page>; PAGES],
    rest: Counters,
    rest_is_used: OnceLock<()>,
}

impl Functions {
    pub(crate) fn new() -> Self {
        Self {
            pages: [const { OnceLock::new() }; PAGES],
            rest: Counters::new(OTHERS, ""),
            rest_is_used: OnceLock::new(),
        }
    }

    #[inline]
    pub(crate) fn counters(&self, site: &Callsite) -> &Counters {
        let index = site.index();
        let page = self.pages.get(index / PAGE).and_then(OnceLock::get);
        match page.and_then(|page| page[index % PAGE].get()) {
            Some(counters) => counters,
            None => self.begin(site),
        }
    }

    #[cold]
    fn begin(&self, site: &Callsite) -> &Counters {
        let index = site.index();
        let Some(page) = self.pages.get(index / PAGE) else {
            self.rest_is_used.get_or_init(|| ());
            return &self.rest;
        };
        let page = page.get_or_init(|| Box::new([const { OnceLock::new() }; PAGE]));
        page[index % PAGE].get_or_init(|| Counters::new(site.info().name, site.info().module))
    }

    /// Whether the function was called.
    pub(crate) fn knows(&self, site: &Callsite) -> bool {
        let index = site.index();
        match self.pages.get(index / PAGE) {
            Some(page) => page.get().is_some_and(|page| page[index % PAGE].get().is_some()),
            None => self.rest_is_used.get().is_some(),
        }
    }

    /// All counters, with the evictions of the local tier, by the indexes of functions, and with the indexes of those that are
    /// switched off.
    pub(crate) fn read(&self, evictions: &HashMap<usize, u64>, off: &[usize]) -> Vec<FunctionStats> {
        let pages = (0..).zip(&self.pages).filter_map(|(number, page)| Some((number * PAGE, page.get()?)));
        let own = pages.flat_map(|(first, page)| (first..).zip(page.iter()));
        let own = own.filter_map(|(index, counters)| Some((index, counters.get()?.read())));
        let mut all: Vec<_> = own
            .map(|(index, stats)| {
                let stats = stats.with(evictions.get(&index).copied().unwrap_or_default());
                FunctionStats { is_off: off.contains(&index), ..stats }
            })
            .collect();
        if self.rest_is_used.get().is_some() {
            let others = evictions.iter().filter(|(index, _)| **index >= PAGE * PAGES).map(|(_, evictions)| *evictions);
            all.push(self.rest.read().with(others.sum()));
        }
        all
    }
}

impl FunctionStats {
    fn with(mut self, evictions: u64) -> Self {
        self.evictions += evictions;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callsite::site::tests::site;
    use crate::observe::counters::Event;

    #[test]
    fn functions_without_a_place_of_their_own_are_counted_together() {
        let functions = Functions::new();
        let misses = || functions.read(&HashMap::new(), &[]).iter().map(|function| function.misses).sum::<u64>();
        functions.counters(site("find")).add(Event::Miss);
        assert!(functions.read(&HashMap::new(), &[]).iter().all(|function| function.name != OTHERS));
        let more = (PAGE * PAGES) as u64;
        for called in 1..=more {
            functions.counters(site("find")).add(Event::Miss);
            assert!(called % 512 != 0 || misses() == called + 1);
        }
        assert_eq!(misses(), more + 1, "none is lost");
        let others: Vec<_> =
            functions.read(&HashMap::new(), &[]).into_iter().filter(|function| function.name == OTHERS).collect();
        assert!(others.len() == 1 && others[0].misses > 0, "{others:?}");
    }
}
