//! The header of an entry, from any bytes, and from bytes with a true checksum.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| cachemacro_redis::fuzz::entry_header(bytes));
