#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| privyseal_fuzz::second_opinion::second_opinion(bytes));
