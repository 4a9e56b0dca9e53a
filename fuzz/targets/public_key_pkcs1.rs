#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| privyseal_fuzz::keys::public_key_pkcs1(bytes));
