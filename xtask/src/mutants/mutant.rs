//! The mutants: which lines make which mechanism, and what finds its loss. A loss that takes a race to show is found by the fleet
//! checker or by the model checker: what a store forgets to do in one step, like treating a restore as a bump where numbers are used
//! again, the contract suite finds without a fleet.

/// A mechanism, and how it is switched off.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    /// The rule of the protocol that it breaks.
    pub(crate) rule: &'static str,
    pub(crate) found_by: FoundBy,
    pub(crate) edits: &'static [Edit],
}

/// The tests that fail without the mechanism.
#[derive(Clone, Copy)]
pub(crate) enum FoundBy {
    /// The fleet checker: those of its tests whose names have this in them. They look for violations until they find some.
    Fleet(&'static str),
    /// `cargo test` with these arguments.
    Tests(&'static [&'static str]),
}

/// All tests of the fleet checker.
const FLEET: FoundBy = FoundBy::Fleet("");
/// The unit tests of the local tier.
const LOCAL: FoundBy =
    FoundBy::Tests(&["--package=cachemacro-runtime", "--features=internals", "--lib", "--", "local::"]);

const FLEET_CLEAR: FoundBy = FoundBy::Tests(&["--package=cachemacro-tests", "--test=fleet_clear"]);

const COMPUTED_TTLS: FoundBy = FoundBy::Tests(&["--package=cachemacro-tests", "--test=computed_ttls"]);

const CLEAR: FoundBy = FoundBy::Tests(&["--package=cachemacro-tests", "--test=clear"]);
const JOBS: FoundBy = FoundBy::Tests(&["--package=cachemacro-tests", "--test=jobs"]);
const OWN_WRITES: FoundBy = FoundBy::Tests(&["--package=cachemacro-tests", "--test=own_writes"]);

const CONTEXT: FoundBy = FoundBy::Tests(&["--package=cachemacro-tests", "--test=context"]);

const FAILED_LOADS: FoundBy = FoundBy::Tests(&["--package=cachemacro-tests", "--test=failed_loads"]);

const BROWSER_TTL: FoundBy = FoundBy::Tests(&["--package=cachemacro-http", "--test=browser_ttl"]);
const HTTP_PROPERTIES: FoundBy = FoundBy::Tests(&["--package=cachemacro-http", "--test=properties"]);
const BROWSER: FoundBy = FoundBy::Tests(&["--package=cachemacro-http", "--test=browser"]);
const PUBLIC: FoundBy = FoundBy::Tests(&["--package=cachemacro-http", "--test=public"]);
const TAGS: FoundBy = FoundBy::Tests(&["--package=cachemacro-http", "--test=tags"]);
const BEFORE_HANDLER: FoundBy = FoundBy::Tests(&["--package=cachemacro-http", "--test=before_handler"]);
const PURGES: FoundBy =
    FoundBy::Tests(&["--package=cachemacro-http", "--features=edge", "--lib", "--", "edge::queue::"]);
const FOLLOW: FoundBy = FoundBy::Tests(&["--package=cachemacro-http", "--all-features", "--test=follow"]);
const UNUSUAL: FoundBy = FoundBy::Tests(&["--package=cachemacro-http", "--test=unusual"]);

/// The model checker: one of its tests.
macro_rules! shuttle {
    ($test:literal) => {
        FoundBy::Tests(&["--package=cachemacro-shuttle", "--release", "--test=interleavings", "--", $test])
    };
}

/// One place that changes.
pub(crate) struct Edit {
    /// From the root of the repository.
    pub(crate) file: &'static str,
    /// What is there, once.
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
}

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "cold",
        rule: "R5: a record that began anew takes no replica's row",
        found_by: FLEET,
        edits: &[Edit {
            file: "cachemacro-redis/src/scripts/record.lua",
            from: "  return record.cold or now < record.young",
            to: "  return false",
        }],
    },
    Mutant {
        name: "max-merge",
        rule: "R3: an event that comes late lowers no floor",
        found_by: FLEET,
        edits: &[Edit {
            file: "cachemacro-redis/src/scripts/apply.lua",
            from: "  if version <= record.floor then return false end\n",
            to: "",
        }],
    },
    Mutant {
        name: "last-mark",
        rule: "R2: a load is stored under no record but the one it entered",
        found_by: FLEET,
        edits: &[
            Edit {
                file: "cachemacro-redis/src/scripts/fill.lua",
                from: "  if record.turn ~= ARGV[6] then return 'moved' end\n",
                to: "",
            },
            // The generation in an entry's key would hide it from the new record.
            Edit {
                file: "cachemacro-redis/src/format/record.rs",
                from: "            _ if self.fence_generation != snapshot.generation => None,\n",
                to: "",
            },
        ],
    },
    Mutant {
        name: "rollback-mark",
        rule: "G7: a version's number says nothing of what it was before a rollback",
        found_by: FLEET,
        edits: &[Edit {
            file: "cachemacro-redis/src/scripts/apply.lua",
            from: "  table.insert(kept, { from = after, id = MARK })\n  record.marks, record.turn, record.floor, record.alias = kept, MARK, to, '-'\n",
            to: "  record.marks, record.turn, record.floor, record.alias = kept, MARK, to, '-'\n",
        }],
    },
    Mutant {
        name: "insert-check",
        rule: "R13: a copy is not kept that an announcement overtook",
        found_by: FLEET,
        edits: &[Edit {
            file: "cachemacro-runtime/src/near/near_cache.rs",
            from: "        let places = self.places(query);\n        let found = DecodedLookup::of(self.shared.lookup(query).await?, decode);\n",
            // With a pause that a busy process makes, or the answer is kept before the announcement can arrive.
            to: "        let found = DecodedLookup::of(self.shared.lookup(query).await?, decode);\n        tokio::time::sleep(std::time::Duration::from_millis(200)).await;\n        let places = self.places(query);\n",
        }],
    },
    Mutant {
        name: "suspect",
        rule: "R21: a record from another incarnation of the server serves nothing before it is confirmed",
        found_by: FLEET,
        edits: &[
            Edit {
                file: "cachemacro-redis/src/scripts/record.lua",
                from: "  return record, true\n",
                to: "  return record, false\n",
            },
            Edit {
                file: "cachemacro-redis/src/format/record.rs",
                from: "        epoch == self.server\n",
                to: "        epoch == self.server || true\n",
            },
        ],
    },
    Mutant {
        name: "token-keyed-flights",
        rule: "R10: no caller waits for a load from before an event that was acknowledged to it",
        found_by: FLEET,
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/join.rs",
            from: "self.flight_key(entered.snapshots.clone());",
            to: "self.flight_key(Few::new());",
        }],
    },
    Mutant {
        name: "merge-into-sent",
        rule: "R20: an event is not merged into one that is being sent",
        found_by: shuttle!("r20_a_retried_event_swallows_no_other"),
        edits: &[
            Edit {
                file: "cachemacro-runtime/src/retry/queue.rs",
                from: "        moves.sending = moves.waiting.pop_front();\n",
                to: "        moves.sending = moves.waiting.front().copied();\n",
            },
            Edit {
                file: "cachemacro-runtime/src/retry/queue.rs",
                from: "        moves.sending = None;\n",
                to: "        if moves.waiting.front() == moves.sending.take().as_ref() {\n            moves.waiting.pop_front();\n        }\n",
            },
            Edit {
                file: "cachemacro-runtime/src/retry/queue.rs",
                from: "        if let Some(moved) = self.sending.take() {\n            self.waiting.push_front(moved);\n        }\n",
                to: "        self.sending = None;\n",
            },
        ],
    },
    Mutant {
        name: "fill-from-a-transaction",
        rule: "R7: what a transaction has written is not stored before its commit",
        found_by: FoundBy::Fleet("writers_block_are_cancelled_and_fail_on_a_slow_way"),
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/forget.rs",
            from: "            self.mode = CacheMode::Bypass;\n",
            to: "            self.mode = CacheMode::Refresh;\n",
        }],
    },
    Mutant {
        name: "anothers-lease",
        rule: "G4: who gives up waiting takes no lease from who loads",
        found_by: FoundBy::Fleet("callers_that_give_up_start_no_second_load"),
        edits: &[Edit {
            file: "cachemacro-redis/src/lease.rs",
            from: "            Some(held) if !held.lease.is_released.load(Ordering::Relaxed) => return Guard(Arc::clone(held)),\n",
            to: "",
        }],
    },
    Mutant {
        name: "nested-bound",
        rule: "G1: an entry lives no longer than what it was loaded from",
        found_by: FoundBy::Fleet("writers_block_are_cancelled_and_fail_on_a_slow_way"),
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/fill.rs",
            from: "        bound.map_or(own, |bound| policy.bounded(own, bound))\n",
            to: "        own\n",
        }],
    },
    Mutant {
        name: "join-by-key",
        rule: "R10: no caller waits for a load that began under another snapshot of its records",
        found_by: shuttle!("r10_an_opaque"),
        edits: &[Edit {
            file: "cachemacro-runtime/src/coalesce/singleflight.rs",
            from: "#[derive(Clone, PartialEq, Eq, Debug)]\npub(crate) struct FlightKey {\n",
            to: "impl PartialEq for FlightKey {\n    fn eq(&self, other: &Self) -> bool {\n        self.key == other.key\n    }\n}\n\nimpl Eq for FlightKey {}\n\n#[derive(Clone, Debug)]\npub(crate) struct FlightKey {\n",
        }],
    },
    Mutant {
        name: "stamp-before-admit",
        rule: "G2: an entry has the epoch that its own admission leads to",
        found_by: LOCAL,
        edits: &[Edit {
            file: "cachemacro-runtime/src/local/versions/records.rs",
            from: "(admitted?, self.epochs.read(id.0));",
            to: "(admitted?, self.epochs.read(id.0) - u32::from(is_changed));",
        }],
    },
    Mutant {
        name: "stamp-after-admit",
        rule: "G2: no event comes between the admission of an entry and its stamp",
        found_by: shuttle!("g2_all"),
        edits: &[Edit {
            file: "cachemacro-runtime/src/local/entries/fill.rs",
            from: "Ok(admitted) => ties.push(Tie::new(*id, admitted)),\n",
            to: "Ok(admitted) => ties.push(Tie::stamped(*id, admitted.token, records.epoch(*id))),\n",
        }],
    },
    Mutant {
        name: "same-epoch",
        rule: "G2: a hit sees by its epoch that a record has changed",
        found_by: shuttle!("r1_r8"),
        edits: &[Edit {
            file: "cachemacro-runtime/src/local/versions/epochs.rs",
            from: "        epoch.store(next, Ordering::Release);\n",
            to: "",
        }],
    },
    Mutant {
        name: "last-epoch",
        rule: "G2: a record whose epochs are used up serves nothing",
        found_by: LOCAL,
        edits: &[
            Edit {
                file: "cachemacro-runtime/src/local/versions/records.rs",
                from: "        if self.epochs.read(id.0) == DEAD {\n            return Err(Refused::Lost);\n        }\n",
                to: "",
            },
            Edit {
                file: "cachemacro-runtime/src/local/versions/records.rs",
                from: "        if stamp == DEAD {\n            return Err(Refused::Lost);\n        }\n",
                to: "",
            },
            Edit {
                file: "cachemacro-runtime/src/local/versions/records.rs",
                from: "(epoch != DEAD && shard.read(",
                to: "(shard.read(",
            },
        ],
    },
    Mutant {
        name: "no-holder",
        rule: "R2: a record lives as long as an entry depends on it",
        found_by: shuttle!("g2_all"),
        edits: &[Edit {
            file: "cachemacro-runtime/src/local/versions/records.rs",
            from: "        if holds {\n",
            to: "        if holds && id == RecordId::NONE {\n",
        }],
    },
    Mutant {
        name: "generations-of-a-place",
        rule: "R8: a refresh is stored under no record but the one of the entry that it replaces",
        found_by: shuttle!("r8_r10"),
        edits: &[Edit {
            file: "cachemacro-runtime/src/local/versions/id.rs",
            from: "(self.0 as u64) << 32 | epoch as u64",
            to: "epoch as u64",
        }],
    },
    Mutant {
        name: "clear-admits-loads",
        rule: "R27: a load that began before `clear` is not stored after it",
        found_by: CLEAR,
        edits: &[Edit {
            file: "cachemacro-runtime/src/local/entries/fill.rs",
            from: "        if (self.is_void)() {",
            to: "        if (self.is_void)() && self.records.is_empty() {",
        }],
    },
    Mutant {
        name: "clear-shares-loads",
        rule: "R27: a caller that comes after `clear` does not wait for a load from before",
        found_by: CLEAR,
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/join.rs",
            from: "clears: self.cache.inner.local.clears(self.site()) }",
            to: "clears: 0 }",
        }],
    },
    Mutant {
        name: "clear-unconfirmed",
        rule: "R27: no entry of the shared store is asked for with a number of more than a second ago",
        found_by: FLEET_CLEAR,
        edits: &[Edit {
            file: "cachemacro-runtime/src/near/control.rs",
            from: "            if this.clock.now() < this.until() {",
            to: "            if this.until() > Moment::START {",
        }],
    },
    Mutant {
        name: "clear-number-of-the-fill",
        rule: "R27: a load is stored under the number with which its call began",
        found_by: FLEET_CLEAR,
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/state.rs",
            from: "            clears: self.clears,\n        }\n    }",
            to: "            clears: self.cache.inner.control.as_ref().map_or(0, |control| control.number(self.site())),\n        }\n    }",
        }],
    },
    Mutant {
        name: "clear-with-plain-hits",
        rule: "R27: no entry from before `clear` is served after it",
        found_by: CLEAR,
        edits: &[Edit {
            file: "cachemacro-runtime/src/local/entries/clear.rs",
            from: "        self.serves_plain.store(false, Ordering::Release);\n",
            to: "",
        }],
    },
    Mutant {
        name: "forget-without-reset",
        rule: "R10: a load that began before `CacheMode::Forget` is neither stored nor joined after it",
        found_by: FoundBy::Tests(&["--package=cachemacro-tests", "--test=forget"]),
        edits: &[Edit {
            file: "cachemacro-runtime/src/publish/forget.rs",
            from: "        self.apply(Writes::voiding(aggregates.iter().cloned()), OnError::Fail).await",
            to: "        self.apply(Writes::voiding(aggregates.iter().take(0).cloned()), OnError::Fail).await",
        }],
    },
    Mutant {
        name: "incoherent-copy",
        rule: "R14: a copy is served only while no announcement can be missing",
        found_by: FoundBy::Tests(&["--package=cachemacro-tests", "--test=tiers"]),
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/closer.rs",
            from: "near.is_none_or(|near| near.is_coherent(now))",
            to: "near.is_none_or(|near| near.is_coherent(now) | true)",
        }],
    },
    Mutant {
        name: "stamp-without-asking",
        rule: "R8: an entry is stamped again only if its record still serves it",
        found_by: shuttle!("g2_all"),
        edits: &[Edit {
            file: "cachemacro-runtime/src/local/entries/tie.rs",
            from: "let stamp = records.serves(self.record, self.token, kind);",
            to: "let stamp = Some(records.epoch(self.record)).filter(|_| kind == kind);",
        }],
    },
    Mutant {
        name: "older-without-asking",
        rule: "G7: an older version is served only if its record says so",
        found_by: shuttle!("_and_a_r"),
        edits: &[Edit {
            file: "cachemacro-runtime/src/local/entries/more.rs",
            from: "first.serves(self.kind, records) && ",
            to: "first.holds(records) | true && ",
        }],
    },
    Mutant {
        name: "convoy",
        rule: "R11: after an error that cannot be shared, several waiters load at once",
        found_by: FAILED_LOADS,
        edits: &[Edit {
            file: "cachemacro-runtime/src/coalesce/singleflight.rs",
            from: "most = most.max(1);",
            to: "most = most.min(1);",
        }],
    },
    Mutant {
        name: "convoy-of-leases",
        rule: "R11: they wait for no lease of another process",
        found_by: FAILED_LOADS,
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/join.rs",
            from: "            if lead.is_one_of_many() {\n                break;\n            }\n",
            to: "",
        }],
    },
    Mutant {
        name: "no-backoff",
        rule: "R24: a refresh that failed is not tried again at once",
        found_by: FAILED_LOADS,
        edits: &[Edit {
            file: "cachemacro-runtime/src/coalesce/failed_refresh.rs",
            from: "now < failure.until && ",
            to: "now > failure.until && ",
        }],
    },
    Mutant {
        name: "backoff-of-another-load",
        rule: "R24: a later load ends the pause after a failed refresh",
        found_by: FAILED_LOADS,
        edits: &[Edit {
            file: "cachemacro-runtime/src/coalesce/failed_refresh.rs",
            from: " && entry.written < self.failed",
            to: "",
        }],
    },
    Mutant {
        name: "refresh-without-context",
        rule: "R31: a refresh loads with the task-locals of the call that started it",
        found_by: CONTEXT,
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/pending_read.rs",
            from: "outlives.then_some(&mut self.locals)",
            to: "(!outlives).then_some(&mut self.locals)",
        }],
    },
    Mutant {
        name: "bound-to-nothing",
        rule: "R31: a call without what an event is bound to goes past the cache",
        found_by: CONTEXT,
        edits: &[Edit {
            file: "cachemacro/macros/src/expand/bypass.rs",
            from: ".chain(unset)",
            to: ".chain(unset.filter(|_| false))",
        }],
    },
    Mutant {
        name: "no-load-limit",
        rule: "R25: `max_loads` bounds the loads of a function",
        found_by: FoundBy::Tests(&["--package=cachemacro-tests", "--test=load_limits"]),
        edits: &[Edit {
            file: "cachemacro-runtime/src/coalesce/load_slots.rs",
            from: "most.max(1) as usize",
            to: "most.max(1_000) as usize",
        }],
    },
    Mutant {
        name: "no-max-ttl",
        rule: "R26: a computed TTL is at most max_ttl",
        found_by: COMPUTED_TTLS,
        edits: &[Edit {
            file: "cachemacro-runtime/src/policy.rs",
            from: "computed.hard.map_or(self.hard, |hard| hard.min(self.hard))",
            to: "computed.hard.unwrap_or(self.hard)",
        }],
    },
    Mutant {
        name: "no-idle",
        rule: "R28: an entry that is not read ends",
        found_by: FoundBy::Tests(&["--package=cachemacro-tests", "--test=time_to_idle"]),
        edits: &[Edit {
            file: "cachemacro-runtime/src/local/entries/idle.rs",
            from: "        if self.is_over(now) {\n            return false;\n        }\n",
            to: "",
        }],
    },
    Mutant {
        name: "copies-before-the-channel",
        rule: "R14: what was announced before a process found the channel may have ended its copies",
        found_by: FoundBy::Tests(&["--package=cachemacro-tests", "--test=outages"]),
        edits: &[Edit {
            file: "cachemacro-runtime/src/near/coherence.rs",
            from: "self.has_unannounced.store(true, Ordering::Release);",
            to: "self.has_unannounced.store(false, Ordering::Release);",
        }],
    },
    Mutant {
        name: "copy-inside-a-load",
        rule: "G3: a copy that an outage lets grow old is in no value that goes to the store",
        found_by: FoundBy::Tests(&["--package=cachemacro-tests", "--test=outages"]),
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/outage.rs",
            from: "!may_serve || load::is_loading() || ",
            to: "!may_serve || load::is_loading() && false || ",
        }],
    },
    Mutant {
        name: "runs-that-fail",
        rule: "R29: only a run that succeeds counts",
        found_by: JOBS,
        edits: &[Edit {
            file: "cachemacro/macros/src/expand/writer.rs",
            from: "        if #p::succeeded(__cachemacro_shape, &__cachemacro_out) {\n            #ran\n",
            to: "        #ran\n        if #p::succeeded(__cachemacro_shape, &__cachemacro_out) {\n",
        }],
    },
    Mutant {
        name: "runs-elsewhere",
        rule: "R29: a run in another process is heard over the channel",
        found_by: JOBS,
        edits: &[Edit {
            file: "cachemacro-runtime/src/near/coherence.rs",
            from: "        self.jobs.announced(followed.notices.iter().map(|(aggregate, _)| aggregate), self.clock.now());\n",
            to: "",
        }],
    },
    Mutant {
        name: "own-writes-by-hit",
        rule: "R30: a writer is served no entry that its events end",
        found_by: OWN_WRITES,
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/closer.rs",
            from: "\n        && !(flags & WRITER != 0 && is_written_here(site))",
            to: "\n        && !(flags & WRITER != 0 && is_written_here(site) && false)",
        }],
    },
    Mutant {
        name: "own-writes-by-lookup",
        rule: "R30: a writer looks up no entry that its events end",
        found_by: OWN_WRITES,
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/state.rs",
            from: "is_off || is_written_here(site) =>",
            to: "is_off || is_written_here(site) && false =>",
        }],
    },
    Mutant {
        name: "max-age-without-ttl",
        rule: "R32: no browser keeps a response for longer than its entries live",
        found_by: HTTP_PROPERTIES,
        edits: &[Edit {
            file: "cachemacro-http/src/browser.rs",
            from: "ttl.min(left).as_secs()",
            to: "ttl.max(left.min(ttl)).as_secs()",
        }],
    },
    Mutant {
        name: "max-age-without-parts",
        rule: "R32: what a load was made of counts for what a browser may keep",
        found_by: HTTP_PROPERTIES,
        edits: &[Edit {
            file: "cachemacro-http/src/browser.rs",
            from: "parts.iter().try_fold(",
            to: "parts.iter().take(0).try_fold(",
        }],
    },
    Mutant {
        name: "max-age-of-unknown-parts",
        rule: "R32: a browser does not keep what is made of unknown entries",
        found_by: BROWSER_TTL,
        edits: &[Edit {
            file: "cachemacro-http/src/browser.rs",
            from: "let parts = call.made_of()?;",
            to: "let parts = call.made_of().unwrap_or(&[]);",
        }],
    },
    Mutant {
        name: "max-age-of-what-is-not-stored",
        rule: "R32: a browser does not keep what is not stored",
        found_by: HTTP_PROPERTIES,
        edits: &[
            Edit {
                file: "cachemacro-http/src/browser.rs",
                from: "CallOutcome::Failed | CallOutcome::Refused | CallOutcome::LoadedNotStored)",
                to: "CallOutcome::NotCalled)",
            },
            Edit {
                file: "cachemacro-http/src/browser.rs",
                from: "let parts = call.made_of()?;",
                to: "let parts = call.made_of().unwrap_or(&[]);",
            },
        ],
    },
    Mutant {
        name: "max-age-with-a-cookie",
        rule: "R32: a browser does not keep a response that sets a cookie",
        found_by: HTTP_PROPERTIES,
        edits: &[Edit {
            file: "cachemacro-http/src/browser.rs",
            from: " && !headers.contains_key(SET_COOKIE)",
            to: " && !(headers.contains_key(SET_COOKIE) && false)",
        }],
    },
    Mutant {
        name: "max-age-of-a-stream",
        rule: "R32: a browser does not keep what may be made of more than was seen",
        found_by: HTTP_PROPERTIES,
        edits: &[Edit {
            file: "cachemacro-http/src/asked.rs",
            from: "if is_whole { collected.browser } else { Browser::Never }",
            to: "if is_whole || true { collected.browser } else { Browser::Never }",
        }],
    },
    Mutant {
        name: "tag-without-load",
        rule: "R33: what was loaded again has another tag",
        found_by: BROWSER,
        edits: &[Edit {
            file: "cachemacro-http/src/etag.rs",
            from: "            self.add(&load.to_le_bytes());",
            to: "            let _ = load;",
        }],
    },
    Mutant {
        name: "tag-without-build",
        rule: "R33: a new build has other tags",
        found_by: BROWSER,
        edits: &[Edit {
            file: "cachemacro-http/src/not_modified.rs",
            from: "    hasher.add(build.as_bytes());\n",
            to: "    let _ = build;\n",
        }],
    },
    Mutant {
        name: "tag-without-parts",
        rule: "R33: what a response shows beside its entries is in its tag",
        found_by: UNUSUAL,
        edits: &[Edit {
            file: "cachemacro-http/src/not_modified.rs",
            from: "    parts.iter().for_each(|part| hasher.add(part.as_bytes()));\n",
            to: "",
        }],
    },
    Mutant {
        name: "tag-without-entries",
        rule: "R33: where responses are remembered, a tag names their entries",
        found_by: BEFORE_HANDLER,
        edits: &[Edit {
            file: "cachemacro-http/src/asked.rs",
            from: "self.unanswered.is_some() && collected.served.is_some()",
            to: "false && self.unanswered.is_some() && collected.served.is_some()",
        }],
    },
    Mutant {
        name: "tag-of-less",
        rule: "R33: a tag is of all that was served until the response left",
        found_by: UNUSUAL,
        edits: &[Edit {
            file: "cachemacro-http/src/collector.rs",
            from: ".filter(|tag| tag.calls == self.calls)",
            to: ".filter(|tag| tag.calls <= self.calls)",
        }],
    },
    Mutant {
        name: "tag-of-other-texts",
        rule: "R33: a response that varies has a tag of what it varies by",
        found_by: TAGS,
        edits: &[Edit {
            file: "cachemacro-http/src/asked.rs",
            from: "tag.has_parts || !has_other_texts(&head.headers)",
            to: "tag.has_parts || !has_other_texts(&head.headers) || true",
        }],
    },
    Mutant {
        name: "before-without-vary",
        rule: "R34: 304 before the handler is for the headers that the response varies by",
        found_by: BEFORE_HANDLER,
        edits: &[Edit {
            file: "cachemacro-http/src/vary.rs",
            from: "self.names.is_empty() || hash(&self.names, request) == self.values",
            to: "self.names.is_empty() || hash(&self.names, request) == self.values || true",
        }],
    },
    Mutant {
        name: "before-without-principal",
        rule: "R34: 304 before the handler is for the principal of the response",
        found_by: BEFORE_HANDLER,
        edits: &[Edit {
            file: "cachemacro-http/src/before.rs",
            from: "[host(request), path(request).as_bytes(), principal.as_bytes()]",
            to: "[host(request), path(request).as_bytes(), &principal.as_bytes()[..0]]",
        }],
    },
    Mutant {
        name: "before-with-parts",
        rule: "R34: a handler that names other parts is asked",
        found_by: UNUSUAL,
        edits: &[Edit {
            file: "cachemacro-http/src/before.rs",
            from: ".is_some_and(|tag| tag.has_parts)",
            to: ".is_some_and(|tag| tag.has_parts && false)",
        }],
    },
    Mutant {
        name: "before-with-another-load",
        rule: "R34: 304 before the handler is for the loads of the response",
        found_by: BEFORE_HANDLER,
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/again.rs",
            from: "made.load() == Some(self.load) && now < deadlines.soft",
            to: "(made.load() == Some(self.load) || true) && now < deadlines.soft",
        }],
    },
    Mutant {
        name: "before-with-stale-entries",
        rule: "R34: 304 before the handler is for entries that are fresh",
        found_by: BEFORE_HANDLER,
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/again.rs",
            from: "made.load() == Some(self.load) && now < deadlines.soft",
            to: "made.load() == Some(self.load) && now < deadlines.hard",
        }],
    },
    Mutant {
        name: "for-good-without-its-version",
        rule: "R35: a URL is kept for good with its version alone",
        found_by: BROWSER,
        edits: &[Edit {
            file: "cachemacro-http/src/headers.rs",
            from: "match asked.cmp(&served) {",
            to: "match served.cmp(&served) {",
        }],
    },
    Mutant {
        name: "for-good-with-304-of-the-handler",
        rule: "R35: 304 of a handler, which may compare by dates, keeps nothing for good",
        found_by: BROWSER,
        edits: &[Edit {
            file: "cachemacro-http/src/asked.rs",
            from: "self.version.filter(|_| !is_compared_by_less);",
            to: "self.version.filter(|_| !is_compared_by_less || true);",
        }],
    },
    Mutant {
        name: "edge-forgets-loads",
        rule: "R38: a response is purged by what its loads were made of",
        found_by: PUBLIC,
        edits: &[Edit {
            file: "cachemacro-http/src/dependencies.rs",
            from: "aggregates: names.chain(names_inside).collect(),",
            to: "aggregates: names.chain(names_inside.filter(|_| false)).collect(),",
        }],
    },
    Mutant {
        name: "edge-forgets-absences",
        rule: "R38: an absence is purged by what comes to be",
        found_by: PUBLIC,
        edits: &[Edit {
            file: "cachemacro-http/src/dependencies.rs",
            from: "let names = call.aggregates().map(|(name, _)| Box::from(name));",
            to: "let names = call.aggregates().filter(|_| !call.is_absent()).map(|(name, _)| Box::from(name));",
        }],
    },
    Mutant {
        name: "edge-keeps-what-moved",
        rule: "R38: what leaves for a CDN is valid still",
        found_by: PUBLIC,
        edits: &[Edit {
            file: "cachemacro-http/src/public_route.rs",
            from: ".ok_or(NotKept::Moved)?",
            to: ".unwrap_or(Duration::from_secs(60))",
        }],
    },
    Mutant {
        name: "edge-acknowledges-early",
        rule: "R37: an event is acknowledged after its last purge",
        found_by: FOLLOW,
        edits: &[Edit {
            file: "cachemacro-http/src/edge/following.rs",
            from: "waiting.ticket <= done",
            to: "waiting.ticket <= done || true",
        }],
    },
    Mutant {
        name: "shared-with-authorization",
        rule: "R36: no shared cache keeps the answer to a request with Authorization",
        found_by: HTTP_PROPERTIES,
        edits: &[Edit {
            file: "cachemacro-http/src/public_route.rs",
            from: "!request.contains_key(AUTHORIZATION) && !self",
            to: "!(request.contains_key(AUTHORIZATION) && false) && !self",
        }],
    },
    Mutant {
        name: "shared-with-a-cookie",
        rule: "R36: no shared cache keeps a response that sets a cookie",
        found_by: HTTP_PROPERTIES,
        edits: &[Edit {
            file: "cachemacro-http/src/public_route.rs",
            from: "(headers.contains_key(SET_COOKIE), NotKept::SetsCookie)",
            to: "(headers.contains_key(SET_COOKIE) && false, NotKept::SetsCookie)",
        }],
    },
    Mutant {
        name: "shared-though-it-varies",
        rule: "R36: no shared cache keeps a response that varies by user",
        found_by: HTTP_PROPERTIES,
        edits: &[Edit {
            file: "cachemacro-http/src/public_route.rs",
            from: "(varies_by_user(headers), NotKept::Varies)",
            to: "(varies_by_user(headers) && false, NotKept::Varies)",
        }],
    },
    Mutant {
        name: "shared-though-not-public",
        rule: "R36: no shared cache keeps what is made of anything that is not public",
        found_by: HTTP_PROPERTIES,
        edits: &[Edit {
            file: "cachemacro-http/src/public_route.rs",
            from: "if let Some(function) = &dependencies.not_public {",
            to: "if let Some(function) = dependencies.not_public.as_ref().filter(|_| false) {",
        }],
    },
    Mutant {
        name: "shared-before-its-end",
        rule: "R36: no shared cache keeps what may be made of more than was seen",
        found_by: HTTP_PROPERTIES,
        edits: &[Edit {
            file: "cachemacro-http/src/public_route.rs",
            from: "(!is_whole, NotKept::NotWhole)",
            to: "(!is_whole && false, NotKept::NotWhole)",
        }],
    },
    Mutant {
        name: "shared-with-no-store-alone",
        rule: "R36: what no shared cache may keep says `private`",
        found_by: PUBLIC,
        edits: &[Edit {
            file: "cachemacro-http/src/headers.rs",
            from: "Ordering::Less => audience.cache_control(\"no-store\"),",
            to: "Ordering::Less => HeaderValue::from_static(\"no-store\"),",
        }],
    },
    Mutant {
        name: "shared-with-what-a-user-sent",
        rule: "R36: the handler of a public route does not see who asks",
        found_by: PUBLIC,
        edits: &[Edit {
            file: "cachemacro-http/src/public_route.rs",
            from: "            request.remove(name);",
            to: "            let _ = (&request, name);",
        }],
    },
    Mutant {
        name: "purged-once",
        rule: "R37: each purge is repeated after the fetch timeout",
        found_by: PURGES,
        edits: &[Edit {
            file: "cachemacro-http/src/edge/cdn.rs",
            from: "if self.shield { 2 } else { 1 }",
            to: "if self.shield { 0 } else { 0 }",
        }],
    },
    Mutant {
        name: "purged-before",
        rule: "R37: a call counts for no event that came after it began",
        found_by: PURGES,
        edits: &[Edit {
            file: "cachemacro-http/src/edge/queue/group.rs",
            from: "while after >= self.last_ticket && ",
            to: "while (after >= self.last_ticket || true) && ",
        }],
    },
    Mutant {
        name: "purges-acknowledged-early",
        rule: "R37: an event is acknowledged after its last purge",
        found_by: PURGES,
        edits: &[Edit {
            file: "cachemacro-http/src/edge/queue/group.rs",
            from: "        self.step > schedule.repeats\n",
            to: "        self.step > schedule.repeats.min(0)\n",
        }],
    },
    Mutant {
        name: "purges-dropped-when-full",
        rule: "R37: a full queue purges wider tags, and drops none",
        found_by: PURGES,
        edits: &[Edit {
            file: "cachemacro-http/src/edge/queue.rs",
            from: "self.put_groups(wide, None, groups);",
            to: "let _dropped: (Tag, Vec<Group>) = (wide, groups);",
        }],
    },
    Mutant {
        name: "purges-half-done",
        rule: "R37: what an answer leaves out is purged again",
        found_by: PURGES,
        edits: &[Edit {
            file: "cachemacro-http/src/edge/queue.rs",
            from: "let is_purged = !missing.contains(tag);",
            to: "let is_purged = !missing.contains(tag) || true;",
        }],
    },
    Mutant {
        name: "purges-pushed-ahead",
        rule: "R37: an event does not delay the purges of another",
        found_by: PURGES,
        edits: &[Edit {
            file: "cachemacro-http/src/edge/queue/group.rs",
            from: "later.due.since(self.first_due) <= slack",
            to: "later.due.since(self.first_due) <= slack * 99",
        }],
    },
];
