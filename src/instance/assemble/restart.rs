//! What of a configuration can change while the instance runs.

use privyseal_config::Config;
use toml::{Table, Value};

use super::Problems;

/// The sections that a snapshot is made of. All others are fixed when the instance opens: sockets, the origin that
/// stands in trust documents, timestamp units, logs. A section that is not listed here is therefore fixed.
const HOT: [&str; 8] =
    ["api", "certificates", "clients", "connectors", "issuers", "names", "provider", "trust_domains"];

/// The part of a configuration that is fixed until the next start.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fixed(Table);

impl Fixed {
    pub(super) fn of(config: &Config) -> Self {
        let mut table = Table::try_from(config).expect("what was read from TOML can be written as TOML");
        table.retain(|section, _| !HOT.contains(&section));
        Self(table)
    }

    /// Fails with every key in which `later` differs, each with the value in force and the value in the file.
    pub(crate) fn check_unchanged(&self, later: &Self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        compare(&self.0, &later.0, "", &mut problems);
        problems.none_or(())
    }
}

fn compare(now: &Table, later: &Table, place: &str, problems: &mut Problems) {
    let names = now.keys().chain(later.keys().filter(|name| !now.contains_key(*name)));
    for name in names {
        let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        match (now.get(name), later.get(name)) {
            (Some(Value::Table(now)), Some(Value::Table(later))) => compare(now, later, &place, problems),
            (now, later) if now == later => {}
            (now, later) => problems.add(
                &place,
                format!(
                    "changing this needs a restart; the value in force is {}, the file has {}",
                    show(now),
                    show(later)
                ),
            ),
        }
    }
}

fn show(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string().trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(text: &str) -> Fixed {
        Fixed::of(&Config::parse(text).expect("parses"))
    }

    #[test]
    fn what_can_change_changes_and_the_rest_is_named() {
        let now = fixed("[listen]\naddress = \"127.0.0.1:1\"");
        let hot = "[provider]\ntoken_seconds = 60\n[certificates]\nlifetime_seconds = 60\n[api]\nadmins = []\n\
                   [listen]\naddress = \"127.0.0.1:1\"";
        assert_eq!(now.check_unchanged(&fixed(hot)), Ok(()));
        let cold = "[listen]\naddress = \"127.0.0.1:2\"\ntls = { certificate = \"a\", key = \"b\" }\n\
                    [instance]\norigin = \"https://a.example\"\n[timestamps]\npolicies = []";
        let problem = now.check_unchanged(&fixed(cold)).expect_err("a restart").to_string();
        for place in ["listen.address: ", "listen.tls: ", "instance.origin: ", "timestamps.policies: "] {
            assert!(problem.contains(place), "{place} is not in {problem}");
        }
        assert!(problem.contains("\"127.0.0.1:1\"") && problem.contains("\"127.0.0.1:2\""), "{problem}");
    }

    /// A section that is renamed or gone must not stay on the list.
    #[test]
    fn the_hot_sections_exist() {
        let all = Table::try_from(Config::parse(privyseal_config::EXAMPLE).expect("parses")).expect("a table");
        for section in HOT {
            assert!(all.contains_key(section), "{section}");
        }
    }
}
