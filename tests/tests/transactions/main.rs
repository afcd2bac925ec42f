//! Transactions on a real database: what is written in one is not published before its commit, and what is read in one is
//! never kept.

mod database;
mod held;
mod mentions;
mod pools;
mod readers;
mod stores;
mod writers;
