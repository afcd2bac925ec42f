//! Names that other caches have for attributes, and what to write here: those of the crates `cached` and `moka`, Spring's
//! `@Cacheable`, Caffeine, FusionCache and cashews.

/// A name of another cache.
pub(crate) struct Foreign {
    /// Without underscores, in lower case: `max_size`, `maxSize` and `MaxSize` are one name.
    names: &'static [&'static str],
    /// The attribute that it stands for, if there is one.
    pub(crate) here: Option<&'static str>,
    /// What to write instead, where the attribute's name alone does not say it.
    pub(crate) instead: Option<&'static str>,
}

/// What is known of this name.
pub(crate) fn find(name: &str, table: &'static [Foreign]) -> Option<&'static Foreign> {
    let plain: String = name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
    table.iter().find(|foreign| foreign.names.contains(&plain.as_str()))
}

const fn is(names: &'static [&'static str], here: &'static str) -> Foreign {
    Foreign { names, here: Some(here), instead: None }
}

const fn like(names: &'static [&'static str], here: &'static str, instead: &'static str) -> Foreign {
    Foreign { names, here: Some(here), instead: Some(instead) }
}

const fn not(names: &'static [&'static str], instead: &'static str) -> Foreign {
    Foreign { names, here: None, instead: Some(instead) }
}

/// For `#[cached]`.
pub(crate) const CACHED: &[Foreign] = &[
    is(&["browserage", "browsermaxage", "clientttl", "httpttl", "browsercache", "browser"], "browser_ttl"),
    like(
        &["cachecontrol"],
        "browser_ttl",
        "write `browser_ttl = \"30s\"` for what browsers may keep without asking; the layer `http::CacheHeaders` sets the header",
    ),
    not(
        &["etag", "immutable", "lastmodified"],
        "leave it out: the layer `http::CacheHeaders` gives responses their `ETag`, and those of URLs with a version \
         `immutable` (`CacheHeaders::versioned_urls`)",
    ),
    not(&["private"], "leave it out: a value is private, unless `public` says that it is the same for every caller"),
    is(
        &["ttl", "expires", "expire", "expiry", "expiration", "time", "duration", "timetolive", "expireafterwrite"],
        "hard_ttl",
    ),
    is(
        &["maxage", "lifetime", "distributedcacheduration", "expireafter", "expiresafter", "expiresin", "validfor"],
        "hard_ttl",
    ),
    like(
        &[
            "ttlsecs",
            "ttlseconds",
            "ttlsec",
            "ttlms",
            "ttlmillis",
            "ttlminutes",
            "ttlmins",
            "seconds",
            "expiressecs",
            "expiresecs",
        ],
        "hard_ttl",
        "write `hard_ttl = \"60s\"`: durations have their unit in the text, `ms`, `s`, `m`, `h` or `d`",
    ),
    like(
        &[
            "refreshafterwrite",
            "refreshafter",
            "softexpire",
            "fresh",
            "freshfor",
            "earlyttl",
            "updateafter",
            "revalidate",
        ],
        "soft_ttl",
        "write `soft_ttl = \"60s\"`: after it the value is stale, and is served while one refresh runs",
    ),
    like(
        &["stalewhilerevalidate", "swr", "stalettl", "staleif", "grace", "graceperiod", "failsafemaxduration"],
        "hard_ttl",
        "write `soft_ttl = \"60s\", hard_ttl = \"10m\"`: between the two, a stale value is served while one refresh runs",
    ),
    like(
        &["eagerrefresh", "eagerrefreshthreshold", "beta", "xfetch"],
        "early",
        "write `early = 1.0`: XFetch with this β",
    ),
    is(&["jittermaxduration", "spread"], "jitter"),
    is(
        &["failsafe", "isfailsafeenabled", "failover", "resultfallback", "staleonerror", "staleiferrors", "servestale"],
        "stale_if_error",
    ),
    is(&["factorytimeout", "factoryhardtimeout", "factorysofttimeout", "loadtimeout", "deadline"], "timeout"),
    like(
        &["negative", "cachenone", "cachenull", "cachenulls", "nullttl", "absentttl", "option", "cacheoption"],
        "negative_ttl",
        "`Option` needs no attribute: `None` is an absence, which is cached only with `negative_ttl = \"10s\"`",
    ),
    not(
        &["result", "cacheerrors", "cacheerr", "cacheok", "exceptions"],
        "leave it out: of a `Result` only `Ok` is cached. An error that means that there is nothing is an absence: `not_found = \
         RepoError::NotFound(id)`, with `negative_ttl = \"10s\"`",
    ),
    like(
        &["convert", "keygenerator", "keyfn", "keyby", "keyexpr", "keyfunction", "cacheprefixblock", "keybuilder"],
        "key",
        "write a template over the arguments: `key = \"user:<id>\"`; a part can be computed: `<email.to_lowercase()>`",
    ),
    like(
        &["keyprefix", "prefix"],
        "key",
        "write it into the template: `key = \"user:<id>\"`; what one service shares with no other is \
         `Cache::builder().namespace(\"shop\")`",
    ),
    not(
        &["namespace", "region", "group", "value", "values", "cachename", "cachenames"],
        "a function needs no named cache: its entries are apart from those of all others. `name = \"find-user\"` is its name in a \
         shared store, and `Cache::builder().namespace(\"shop\")` the prefix of a whole cache",
    ),
    like(
        &[
            "tags",
            "tag",
            "cachetag",
            "cachetags",
            "dependson",
            "dependencies",
            "invalidateon",
            "invalidates",
            "evict",
            "evicton",
        ],
        "invalidated_by",
        "name the event that ends the entry, and its key field: `invalidated_by(UserUpdated { id })`. One event ends the entries of \
         all functions that name it, as a tag does",
    ),
    is(&["event", "events"], "invalidated_by"),
    is(&["version"], "version_from"),
    is(&["ignore", "exclude", "ignoreargs", "except"], "skip"),
    like(
        &[
            "tasklocal",
            "tasklocals",
            "threadlocal",
            "threadlocals",
            "locals",
            "capture",
            "captures",
            "propagate",
            "ambient",
        ],
        "context",
        "name the task-locals of tokio that a load uses: `context(TENANT)`, with `<TENANT>` in the key",
    ),
    like(
        &["unless", "cachewhen", "shouldcache", "onlyif", "filter"],
        "cache_if",
        "write `cache_if = |value| !value.is_draft`: which values are cached. For a condition on the arguments: `bypass_if = id == 0`",
    ),
    like(
        &["condition", "timecondition", "when", "enabled", "bypass", "skipif", "forcerefresh", "disabled"],
        "bypass_if",
        "write `bypass_if = id == 0`: the calls that are not cached, by their arguments. For a condition on the value: `cache_if = \
         |value| value.is_final`",
    ),
    not(
        &[
            "size",
            "maxsize",
            "maximumsize",
            "maxcapacity",
            "capacity",
            "maxentries",
            "maxitems",
            "unbound",
            "unbounded",
            "lru",
        ],
        "a function has no limit of its own: `Cache::builder().memory(…)` bounds the cache, in entries or bytes, and evicts what is \
         used least",
    ),
    is(&["weigher", "maximumweight", "cost"], "weight"),
    not(
        &[
            "syncwrites",
            "syncwritesby",
            "syncwritesbuckets",
            "sync",
            "lock",
            "synclock",
            "singleflight",
            "coalesce",
            "protected",
            "dedupe",
            "dedup",
            "lockfree",
        ],
        "leave it out: callers of one key that is not cached always share one load",
    ),
    not(
        &["withcachedflag", "cachedflag"],
        "leave it out: `cachemacro::traced(users.find(1)).await` returns, beside the value, where it came from",
    ),
    like(
        &["timerefresh", "sliding", "slidingexpiration"],
        "time_to_idle",
        "an access does not lengthen a TTL: `hard_ttl` bounds how old a value gets. `time_to_idle = \"5m\"` ends an entry of a `local` \
         function before that, if it is not read for so long",
    ),
    like(
        &[
            "tti",
            "ttisecs",
            "idle",
            "idlettl",
            "idletime",
            "idletimeout",
            "maxidle",
            "maxidletime",
            "expireafteraccess",
            "accessttl",
        ],
        "time_to_idle",
        "write `time_to_idle = \"5m\"`: it ends an entry of a `local` function that is not read for so long, and comes beside `hard_ttl`",
    ),
    not(
        &["ty", "create", "type", "maperror", "wrapreturn", "initialcapacity", "priority"],
        "leave it out: the type and the place of values follow from the function and from the `Cache`",
    ),
    not(
        &[
            "redis",
            "disk",
            "diskdir",
            "backend",
            "store",
            "connectionconfig",
            "synctodiskoncachechange",
            "skipdistributedcache",
            "shared",
        ],
        "values go to the store of the `Cache`: `Cache::builder().shared(Redis::url(…)?)`. `local` keeps those of one function in \
         this process",
    ),
    is(&["memory", "memoryonly", "inprocess", "inmemory", "localonly"], "local"),
    is(&["cachemanager", "cacheresolver", "manager"], "cache"),
    not(
        &["serializer", "codec", "encoding", "compress", "compression", "serialize"],
        "it is set for a whole cache: `Cache::builder().encoding(…)`",
    ),
    not(
        &["refreshevery", "interval", "every", "updateevery"],
        "entries are refreshed when they are read: `soft_ttl = \"60s\"` says after what time",
    ),
];

/// For `#[invalidates]`.
pub(crate) const INVALIDATES: &[Foreign] = &[
    not(
        &[
            "key",
            "keys",
            "tag",
            "tags",
            "cachename",
            "cachenames",
            "value",
            "pattern",
            "prefix",
            "functions",
            "function",
        ],
        "name the event, not the entries: `UserUpdated { id, version }`. The functions that depend on it name it in \
         `invalidated_by(UserUpdated { id })`",
    ),
    not(
        &["allentries", "all", "clear"],
        "an event ends the entries of its aggregate. For all entries of a function give it an event without fields: \
         `UsersImported {}`, with `#[event(key = \"users\")]`",
    ),
    not(
        &["beforeinvocation", "before", "after", "aftercommit", "when"],
        "events are published after the function has succeeded. Where the caller commits, they wait for it: `defer = pending`",
    ),
    not(
        &["condition", "unless", "onlyif"],
        "make the event an `Option`: `|user| user.is_active.then(|| UserUpdated { id: user.id, version: user.version })`",
    ),
    is(&["event", "events", "emit"], "emits"),
    is(&["pending", "transaction", "tx", "batch"], "defer"),
    is(&["onfailure", "retry", "fallback"], "on_error"),
    is(&["commits", "autocommit"], "commits_itself"),
    like(
        &["schedule", "scheduled", "cron", "interval", "period", "frequency", "fixedrate", "fixeddelay", "timer"],
        "every",
        "write `every = \"24h\"`: how often the job runs. It is started elsewhere; the strategy report prints the interval, and \
         `findings()` tells when the job is overdue",
    ),
    is(&["cachemanager", "cacheresolver"], "cache"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_however_it_is_spelled() {
        for name in ["max_size", "maxSize", "MAX_SIZE", "maxsize"] {
            assert!(find(name, CACHED).is_some_and(|foreign| foreign.here.is_none()), "{name}");
        }
        assert_eq!(find("ttl_secs", CACHED).and_then(|foreign| foreign.here), Some("hard_ttl"));
        assert!(find("colour", CACHED).is_none());
    }

    #[test]
    fn each_name_stands_once_and_plain() {
        for table in [CACHED, INVALIDATES] {
            let mut all: Vec<&str> = table.iter().flat_map(|foreign| foreign.names).copied().collect();
            assert!(all.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase())), "{all:?}");
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
        }
    }

    #[test]
    fn what_a_name_stands_for_is_an_attribute() {
        let attributes = super::super::cached::NAMES;
        assert!(CACHED.iter().filter_map(|foreign| foreign.here).all(|here| attributes.contains(&here)));
    }
}
