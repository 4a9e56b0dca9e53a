//! The configuration file.

use privyseal_config::Config;

/// What parses can be written, and reads back the same.
pub fn config_file(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    match Config::parse(text) {
        Ok(config) => {
            let written = toml::to_string(&config).expect("writes");
            assert_eq!(Config::parse(&written).as_ref(), Ok(&config));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
