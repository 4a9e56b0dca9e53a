#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| privyseal_fuzz::svid::spiffe_bundle(bytes));
