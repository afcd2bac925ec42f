//! The whole: every cached function and every event of a binary.

use std::path::Path;

use super::event::EventStrategy;
use super::function::FunctionStrategy;
use super::named_route::{self, Facts};
use super::registry::Registry;
use super::route::RouteStrategy;
use super::verify::{self, Problem, VerifyError};
use super::warning::Warning;
use super::{document, warning};
use crate::callsite::{Callsite, Writer, registry};
use crate::event::EventInfo;
use crate::util::serialize::serialize;

/// How stale the caches of a binary may get, from its annotations alone. [`strategy()`] makes it.
///
/// Everything is sorted by module and name. Lines, paths and machines are not in it: equal annotations give equal reports.
/// `Display` prints the table.
#[derive(Clone, PartialEq, Debug)]
pub struct Strategy {
    functions: Vec<FunctionStrategy>,
    routes: Vec<RouteStrategy>,
    events: Vec<EventStrategy>,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

serialize!(struct Strategy { functions, routes, events, problems, warnings });

/// The strategy of this binary: all `#[cached]` and `#[invalidates]` functions and all events linked into it.
///
/// ```
/// use std::time::Duration;
///
/// use cachemacro::strategy;
///
/// let strategy = strategy();
/// strategy.verify().unwrap();
/// assert!(strategy.functions().iter().all(|function| function.max_staleness <= Duration::from_secs(3600)));
/// println!("{strategy}");
/// ```
#[must_use]
pub fn strategy() -> Strategy {
    let sites: Vec<_> = registry::sites().collect();
    let writers: Vec<_> = registry::writers().collect();
    let events: Vec<_> = registry::events().collect();
    let mut strategy = Strategy::with_routes(&sites, &writers, &events, &named_route::all());
    strategy.problems.extend(verify::noticed());
    strategy.problems.dedup();
    let noticed = warning::noticed(&strategy.warnings);
    strategy.warnings.extend(noticed);
    strategy
}

impl Strategy {
    #[cfg(test)]
    pub(crate) fn of(sites: &[&'static Callsite], writers: &[&'static Writer], events: &[&'static EventInfo]) -> Self {
        Self::with_routes(sites, writers, events, &[])
    }

    pub(super) fn with_routes(
        sites: &[&'static Callsite],
        writers: &[&'static Writer],
        events: &[&'static EventInfo],
        routes: &[Facts],
    ) -> Self {
        let registry = Registry::of(sites, writers, events);
        Self {
            routes: routes.iter().map(|route| RouteStrategy::of(route, &registry)).collect(),
            functions: registry.sites.iter().map(|site| FunctionStrategy::of(site, &registry)).collect(),
            events: registry.events.iter().map(|event| EventStrategy::of(event, &registry)).collect(),
            problems: verify::problems(&registry, routes),
            warnings: warning::warnings(&registry),
        }
    }

    /// The cached functions.
    #[must_use]
    pub fn functions(&self) -> &[FunctionStrategy] {
        &self.functions
    }

    /// The cached function of this name: `find`, or `shop::users::find` where several are called so.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&FunctionStrategy> {
        self.functions.iter().find(|function| function.function == name || function.path() == name)
    }

    /// The routes that have a name, sorted by it.
    #[must_use]
    pub fn routes(&self) -> &[RouteStrategy] {
        &self.routes
    }

    /// The route of this name.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&RouteStrategy> {
        self.routes.iter().find(|route| route.name == name)
    }

    /// The events.
    #[must_use]
    pub fn events(&self) -> &[EventStrategy] {
        &self.events
    }

    /// What [`verify`](Self::verify) fails on.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Unusual annotations, which may be intended.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Fails on a cache that cannot be right: for a test. Warnings are returned.
    ///
    /// # Errors
    /// [`VerifyError`] with every problem found:
    /// - [`Problem::NeverPublished`]: a cached function names an event that no function of the binary publishes.
    /// - [`Problem::KeysCollide`]: two functions can render the same key, for values of different types.
    /// - [`Problem::NameShared`]: functions have one name in a shared store, and are not stored there.
    /// - [`Problem::TypesLookAlike`]: a generic function was called with different types of one name, on a shared store. It is
    ///   known after the call.
    /// - [`Problem::UnknownInRoute`], [`Problem::NotDeclared`]: a route with a name declares that it is made of other functions than it is.
    /// - [`Problem::VersionsComeAgain`]: URLs have a version, and an event may use a version again.
    pub fn verify(&self) -> Result<Vec<Warning>, VerifyError> {
        if self.problems.is_empty() { Ok(self.warnings.clone()) } else { Err(VerifyError::new(self.problems.clone())) }
    }

    /// Everything known, pretty-printed. Durations are text, `"10m"`.
    ///
    /// # Panics
    /// Never: the strategy is made of strings, numbers and lists.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("strings, numbers and lists have a JSON form");
        json.push('\n');
        json
    }

    /// Compares a document in the repository with the annotations: for a test, so that a change of staleness is a
    /// diff in review.
    ///
    /// `path` is relative to the current directory, which is the package's root in `cargo test`. Run the test with
    /// `CACHEMACRO_UPDATE=1` to write the file instead of comparing it. Line endings are not compared.
    ///
    /// ```no_run
    /// #[test]
    /// fn the_caching_strategy_is_written_down() {
    ///     cachemacro::strategy().assert_matches("CACHING.md");
    /// }
    /// ```
    ///
    /// # Panics
    /// When the file is missing or differs, with the differing lines.
    #[track_caller]
    pub fn assert_matches(&self, path: impl AsRef<Path>) {
        self.match_or_update(path.as_ref(), document::is_update_asked());
    }

    #[track_caller]
    pub(super) fn match_or_update(&self, path: &Path, update: bool) {
        if let Err(complaint) = document::check(&self.to_markdown(), path, update) {
            panic!("{complaint}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::strategy;
    use crate::policy::Mode;
    use crate::strategy::fixture;

    #[test]
    fn what_registered_itself_is_in_the_strategy() {
        let strategy = strategy();
        let best_sellers = strategy.function("shop::reports::best_sellers").unwrap();
        assert_eq!(best_sellers.invalidated_by[0].handlers[0].path(), "shop::handlers::on_sold");
        assert!(strategy.events().iter().any(|event| event.name == "door.opened"));
    }

    #[test]
    fn bounds_can_be_asserted_on() {
        let shop = fixture::shop();
        let find = shop.function("shop::users::find").unwrap();
        assert_eq!(find, shop.function("find").unwrap());
        assert_eq!((find.mode, find.max_staleness), (Mode::Row, Duration::from_secs(600)));
        assert_eq!((find.after_event, find.max_staleness_of_absence), (Duration::ZERO, Some(Duration::from_secs(10))));
        let rate = shop.function("rate").unwrap();
        assert_eq!(rate.after_event, rate.max_staleness, "without events, the TTL is all there is");
        assert!(shop.function("shop").is_none());
    }

    #[test]
    fn json_keeps_the_annotations_own_words() {
        let json: serde_json::Value = serde_json::from_str(&fixture::shop().to_json()).unwrap();
        let find = &json["functions"][2];
        assert_eq!((&find["mode"], &find["max_staleness"]), (&"row".into(), &"10m".into()));
        assert_eq!(find["invalidated_by"][0]["writers"][0]["on_error"], "suspect");
        assert_eq!(find["on_rollback"]["profile"], "roll_forward");
        assert_eq!(json["warnings"][0]["warning"], "never_consumed");
    }

    #[test]
    fn no_line_and_no_file_shows() {
        let shop = fixture::shop();
        for report in [shop.to_markdown(), shop.to_table(), shop.to_json()] {
            assert!(!report.contains("src/"), "{report}");
        }
    }
}
