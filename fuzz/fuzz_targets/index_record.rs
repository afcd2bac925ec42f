//! The record of an aggregate, from any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| cachemacro_redis::fuzz::index_record(bytes));
