#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| privyseal_fuzz::x509::ocsp_request(bytes));
