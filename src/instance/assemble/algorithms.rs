//! The algorithms that a record allows, from the configuration file.

use broker::jose::JoseAlgorithm;

use super::Problems;

/// The algorithms of a record, which must be among `allowed`.
pub(super) fn understand(
    names: &[String],
    allowed: &[JoseAlgorithm],
    place: &str,
    problems: &mut Problems,
) -> Vec<JoseAlgorithm> {
    let mut algorithms = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let known = JoseAlgorithm::parse(name).filter(|algorithm| allowed.contains(algorithm)).ok_or_else(|| {
            let names: Vec<_> = allowed.iter().map(|algorithm| algorithm.name()).collect();
            format!("\"{name}\" is not one of {}", names.join(", "))
        });
        algorithms.extend(problems.keep(&format!("{place}.algorithms[{at}]"), known));
    }
    algorithms
}
