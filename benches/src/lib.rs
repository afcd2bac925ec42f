//! What a cached call costs, measured beside other caches in one run on one machine. The questions themselves stand in
//! `benches/`.
//!
//! The contestants of a case take turns: many short rounds, each of them once in every round, the first turn passed around.
//! What disturbs the machine for a while disturbs all of them, so their ratios hold where absolute times mean little.
//!
//! | room | holds |
//! |---|---|
//! | [`contest`] | contestants that take turns, and what came of it |
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
//! | [`trace`] | whose keys are asked for by a made-up day's traffic |
//! | [`report`], [`table`], [`promise`] | docs/PERFORMANCE.md, its tables, and what must hold |
//! | [`machine`] | the machine, the compiler and the versions of the peers |

pub mod allocation;
pub mod call;
pub mod contest;
pub mod effort;
pub mod executor;
pub mod keys;
pub mod machine;
pub mod peers;
pub mod promise;
pub mod remote;
pub mod report;
pub mod rush;
pub mod sample;
pub mod slow;
pub mod table;
pub mod trace;
pub mod user;
