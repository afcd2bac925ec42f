//! What a cached call costs, measured beside other caches in one run on one machine. The questions themselves stand in
//! `benches/`.
//!
//! The contestants of a case take turns: many short rounds, each of them once in every round, the first turn passed around.
//! What disturbs the machine for a while disturbs all of them, so their ratios hold where absolute times mean little.
//!
//! | room | holds |
//! |---|---|
//! | [`contest`], [`contestant`], [`turns`] | contestants that take turns |
//! | [`standings`], [`tail`] | what came of it: the mean call, and the slowest calls |
//! | [`sample`] | many measurements of one thing: median, quartiles |
//! | [`effort`] | how long to measure, from the environment |
//! | [`keys`], [`user`] | which keys are asked for, and the value behind each |
//! | [`peers`] | a hit of every cache under test, each in its own words |
//! | [`rush`] | their stampede protection |
//! | [`remote`] | those of them that keep their entries in Redis |
//! | [`call`] | one type for all calls |
//! | [`slow`] | a load that takes its time |
//! | [`executor`] | waits for a future |
//! | [`allocation`] | what is allocated, counted |
//! | [`trace`], [`sieve`] | which keys made-up traffic asks for, and the eviction of the SIEVE paper |
//! | [`goals`], [`findings`] | what must hold, and what was found |
//! | [`report`], [`table`] | docs/PERFORMANCE.md and its tables |
//! | [`machine`] | the machine, the compiler and the versions of the peers |

pub mod allocation;
pub mod call;
pub mod contest;
pub mod contestant;
pub mod effort;
pub mod executor;
pub mod findings;
pub mod goals;
pub mod keys;
pub mod machine;
pub mod peers;
pub mod remote;
pub mod report;
pub mod rush;
pub mod sample;
pub mod sieve;
pub mod slow;
pub mod standings;
pub mod table;
pub mod tail;
pub mod trace;
pub mod turns;
pub mod user;
