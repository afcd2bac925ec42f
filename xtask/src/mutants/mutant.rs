//! The mutants: which lines make which mechanism. Those whose loss takes a race to show: what a store forgets to do in one
//! step, like treating a restore as a bump where numbers are used again, the contract suite finds without a fleet.

/// A mechanism, and how it is switched off.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    /// The rule of the protocol that it breaks.
    pub(crate) rule: &'static str,
    pub(crate) edits: &'static [Edit],
    /// The test of the checker that shows it; empty for all of them.
    pub(crate) test: &'static str,
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
        test: "",
        edits: &[Edit {
            file: "cachemacro-redis/src/scripts/record.lua",
            from: "  return record.cold or now < record.young",
            to: "  return false",
        }],
    },
    Mutant {
        name: "max-merge",
        rule: "R3: an event that comes late lowers no floor",
        test: "",
        edits: &[Edit {
            file: "cachemacro-redis/src/scripts/apply.lua",
            from: "  if version <= record.floor then return false end\n",
            to: "",
        }],
    },
    Mutant {
        name: "last-mark",
        rule: "R2: a load is stored under no record but the one it entered",
        test: "",
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
        test: "",
        edits: &[Edit {
            file: "cachemacro-redis/src/scripts/apply.lua",
            from: "  table.insert(kept, { from = after, id = MARK })\n  record.marks, record.turn, record.floor, record.alias = kept, MARK, to, '-'\n",
            to: "  record.marks, record.turn, record.floor, record.alias = kept, MARK, to, '-'\n",
        }],
    },
    Mutant {
        name: "insert-check",
        rule: "R13: a copy is not kept that an announcement overtook",
        test: "",
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
        test: "",
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
        test: "",
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/join.rs",
            from: "snapshots: entered.snapshots.as_slice().into() };",
            to: "snapshots: Vec::new().into() };",
        }],
    },
    Mutant {
        name: "merge-into-sent",
        rule: "R20: an event is not merged into one that is being sent",
        test: "writers_block_are_cancelled_and_fail_on_a_slow_way",
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
        test: "writers_block_are_cancelled_and_fail_on_a_slow_way",
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/try_hit.rs",
            from: "    call.mode = CacheMode::Bypass;\n",
            to: "    call.mode = CacheMode::Refresh;\n",
        }],
    },
    Mutant {
        name: "anothers-lease",
        rule: "G4: who gives up waiting takes no lease from who loads",
        test: "callers_that_give_up_start_no_second_load",
        edits: &[Edit {
            file: "cachemacro-redis/src/lease.rs",
            from: "            Some(held) if !held.lease.is_released.load(Ordering::Relaxed) => return Guard(Arc::clone(held)),\n",
            to: "",
        }],
    },
    Mutant {
        name: "nested-bound",
        rule: "G1: an entry lives no longer than what it was loaded from",
        test: "writers_block_are_cancelled_and_fail_on_a_slow_way",
        edits: &[Edit {
            file: "cachemacro-runtime/src/call/fill.rs",
            from: "        bound.map_or(own, |bound| policy.bounded(own, bound))\n",
            to: "        own\n",
        }],
    },
];
