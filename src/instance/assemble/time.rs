//! `[time]`: the time sources, and whether the accuracy that tokens state can be kept with them.

use std::path::Path;
use std::time::Duration;

use privyseal_config::{TimeMode, TimeSection, TimeSourceSection};
use tsa::clock_guard::DRIFT_PPM;
use tsa::{Accuracy, ClockLimits, ClockMode};

use super::Problems;
use crate::file;
use crate::outbound::time_sources::{ANSWER_DEADLINE, TimeReach, TimeSourceSettings, client_config};

/// With fewer, one wrong source cannot be outvoted while another is silent.
const FEWEST_SOURCES: usize = 4;
/// More sources add traffic but no trust.
const MOST_SOURCES: usize = 16;
/// Largest file with authorities that is read.
const MAX_AUTHORITIES: u64 = 1 << 20;
/// How far a smeared second is from UTC at worst.
const SMEAR: Duration = Duration::from_millis(500);
/// What the guard takes off the threshold for what a clock does unseen between two looks, in milliseconds.
const UNSEEN_MS: u64 = 50;
/// Services that are known to smear leap seconds, by the end of their servers' names.
const SMEARING: [&str; 4] = ["time.google.com", "time.facebook.com", "time.aws.com", "ntp.aliyun.com"];

/// The clock guard's part of the configuration, understood.
pub(crate) struct TimeSettings {
    pub(crate) limits: ClockLimits,
    pub(crate) sources: Vec<TimeSourceSettings>,
    pub(crate) poll: Duration,
}

/// What tokens state about their time.
pub(crate) struct Promise {
    /// Genuine time is within this of genTime.
    pub(crate) accuracy: Accuracy,
    /// What writing genTime takes of it.
    pub(crate) rounding: Duration,
}

pub(super) fn understand(
    section: &TimeSection,
    promise: &Promise,
    folder: &Path,
    problems: &mut Problems,
) -> TimeSettings {
    let mode = mode(section, problems);
    let threshold = Duration::from_millis(problems.within("time.threshold_ms", section.threshold_ms, 60..=60_000));
    let poll = problems.within("time.poll_seconds", section.poll_seconds, 1..=1_024);
    let expire = problems.within("time.expire_seconds", section.expire_seconds, 2..=86_400);
    let good_polls = problems.within("time.good_polls", section.good_polls, 1..=20) as u32;
    if expire < 2 * poll {
        let message = format!(
            "{expire} s is less than two polls of {poll} s, so one lost answer would stop timestamps; choose more \
             seconds, or poll more often"
        );
        problems.add("time.expire_seconds", message);
    }
    let drift_ms = expire * DRIFT_PPM.unsigned_abs() / 1_000;
    if mode != ClockMode::Local && drift_ms + UNSEEN_MS >= threshold.as_millis() as u64 {
        let message = format!(
            "in {expire} s the clock may drift {drift_ms} ms, and {UNSEEN_MS} ms more unseen: nothing is left of the \
             threshold of {} ms; choose fewer seconds, or a higher threshold",
            threshold.as_millis()
        );
        problems.add("time.expire_seconds", message);
    }
    check_sources(section, mode, problems);
    let is_smeared = section.sources.iter().any(|source| source.smeared);
    check_promise(promise, threshold, is_smeared, problems);
    let sources = section.sources.iter().enumerate();
    TimeSettings {
        limits: ClockLimits {
            mode,
            threshold,
            expire: Duration::from_secs(expire),
            good_polls,
            needs_kernel: section.kernel_synchronized,
            ..ClockLimits::LOCAL
        },
        sources: sources.filter_map(|(at, source)| understand_source(at, source, folder, problems)).collect(),
        poll: Duration::from_secs(poll),
    }
}

fn mode(section: &TimeSection, problems: &mut Problems) -> ClockMode {
    match (section.mode, section.sources.len()) {
        (Some(TimeMode::Enforce), _) => ClockMode::Enforce,
        (Some(TimeMode::Monitor), _) => ClockMode::Monitor,
        (None, 1..) => ClockMode::Enforce,
        (Some(TimeMode::Local), 1..) => {
            let message =
                "mode \"local\" uses no time sources; remove time.sources, or choose \"monitor\" or \"enforce\"";
            problems.add("time.mode", message.to_owned());
            ClockMode::Local
        }
        (Some(TimeMode::Local) | None, 0) => ClockMode::Local,
    }
}

fn check_sources(section: &TimeSection, mode: ClockMode, problems: &mut Problems) {
    let count = section.sources.len();
    if mode != ClockMode::Local && !(FEWEST_SOURCES..=MOST_SOURCES).contains(&count) {
        let message = format!(
            "there are {count}, and mode \"{mode}\" takes {FEWEST_SOURCES} to {MOST_SOURCES}; of four, three must \
             agree, so that one may be wrong or silent"
        );
        problems.add("time.sources", message);
    }
    let smeared = section.sources.iter().filter(|source| source.smeared).count();
    if smeared != 0 && smeared != count {
        let message = format!(
            "{smeared} of {count} smear leap seconds: for a day they are up to half a second away from the others; \
             use only sources of one kind"
        );
        problems.add("time.sources", message);
    }
    for (at, source) in section.sources.iter().enumerate() {
        let place = format!("time.sources[{at}].host");
        let is_same = |other: &TimeSourceSection| other.host == source.host && other.port == source.port;
        if section.sources[..at].iter().any(is_same) {
            problems.add(&place, format!("{} is listed twice and would have two votes; remove one entry", source.host));
        }
        let is_known = SMEARING
            .iter()
            .any(|known| source.host.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
            || is_numbered_google(&source.host);
        if is_known && !source.smeared {
            problems.add(&place, format!("{} smears leap seconds; set smeared = true, or remove it", source.host));
        }
    }
}

/// time1.google.com to time4.google.com.
fn is_numbered_google(host: &str) -> bool {
    host.strip_prefix("time")
        .and_then(|rest| rest.strip_suffix(".google.com"))
        .is_some_and(|number| number.len() == 1 && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Checks that rounding, the guard's threshold and the smear fit into the accuracy of genTime.
fn check_promise(promise: &Promise, threshold: Duration, is_smeared: bool, problems: &mut Problems) {
    let smear = if is_smeared { SMEAR } else { Duration::ZERO };
    let needed = promise.rounding + threshold + smear;
    if needed > promise.accuracy.span() {
        let ms = |span: Duration| span.as_millis();
        let message = format!(
            "an accuracy of {} ms cannot be kept: rounding takes {} ms, the threshold {} ms and smeared leap seconds \
             {} ms, {} ms together",
            ms(promise.accuracy.span()),
            ms(promise.rounding),
            ms(threshold),
            ms(smear),
            ms(needed)
        );
        problems.add("time.threshold_ms", message);
    }
}

fn understand_source(
    at: usize,
    section: &TimeSourceSection,
    folder: &Path,
    problems: &mut Problems,
) -> Option<TimeSourceSettings> {
    let place = format!("time.sources[{at}]");
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b".-:".contains(&octet);
    if section.host.is_empty() || section.host.len() > 253 || !section.host.bytes().all(is_plain) {
        problems.add(&format!("{place}.host"), format!("\"{}\" is not a host name or address", section.host));
        return None;
    }
    if section.port == Some(0) {
        problems.add(&format!("{place}.port"), "0 is not a valid port".to_owned());
    }
    let nts = if section.danger_unauthenticated {
        if section.ca_file.is_some() {
            let message = "plain NTP has no certificate to check; remove ca_file, or use NTS";
            problems.add(&format!("{place}.ca_file"), message.to_owned());
        }
        None
    } else {
        let authorities = section.ca_file.as_deref().map(|name| file::read(&folder.join(name), MAX_AUTHORITIES));
        let authorities = problems.keep(&format!("{place}.ca_file"), authorities.transpose())?;
        Some(problems.keep(&format!("{place}.ca_file"), client_config(authorities.as_deref()))?)
    };
    let port = section.port.unwrap_or(if nts.is_some() { 4_460 } else { 123 });
    Some(TimeSourceSettings {
        name: format!("{}:{port}", section.host),
        host: section.host.clone(),
        port,
        nts,
        reach: TimeReach { internal: section.internal, danger_loopback: section.danger_loopback },
        is_smeared: section.smeared,
        deadline: ANSWER_DEADLINE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(host: &str) -> TimeSourceSection {
        TimeSourceSection { host: host.to_owned(), danger_unauthenticated: true, ..TimeSourceSection::default() }
    }

    fn four() -> Vec<TimeSourceSection> {
        ["a.example", "b.example", "c.example", "d.example"].map(source).to_vec()
    }

    fn seconds() -> Promise {
        Promise { accuracy: Accuracy::ONE_SECOND, rounding: Duration::from_millis(500) }
    }

    fn problems(section: TimeSection, promise: &Promise) -> (TimeSettings, String) {
        let mut problems = Problems::default();
        let settings = understand(&section, promise, Path::new("."), &mut problems);
        (settings, problems.none_or(()).err().map(|problems| problems.to_string()).unwrap_or_default())
    }

    #[test]
    fn the_mode_follows_the_sources_when_it_is_not_said() {
        let (settings, problem) = problems(TimeSection::default(), &seconds());
        assert_eq!((settings.limits.mode, problem.as_str()), (ClockMode::Local, ""));
        let (settings, problem) = problems(TimeSection { sources: four(), ..TimeSection::default() }, &seconds());
        assert_eq!((settings.limits.mode, problem.as_str()), (ClockMode::Enforce, ""));
        assert_eq!(settings.sources.len(), 4);
    }

    #[test]
    fn what_cannot_work_is_told_with_its_numbers() {
        let section = |change: &dyn Fn(&mut TimeSection)| {
            let mut section = TimeSection { sources: four(), ..TimeSection::default() };
            change(&mut section);
            section
        };
        type Case<'a> = (&'a dyn Fn(&mut TimeSection), &'a str);
        let cases: [Case<'_>; 14] = [
            (&|s| s.mode = Some(TimeMode::Local), "time.mode: mode \"local\" uses no time sources"),
            (&|s| s.sources.truncate(3), "time.sources: there are 3, and mode \"enforce\" takes 4 to 16"),
            (&|s| s.sources = vec![source("a.example"); 17], "time.sources: there are 17"),
            (&|s| s.sources[3].host = "a.example".into(), "time.sources[3].host: a.example is listed twice"),
            (&|s| s.sources[1].smeared = true, "time.sources: 1 of 4 smear"),
            (&|s| s.sources[0].host = "time2.google.com".into(), "time2.google.com smears leap seconds"),
            (&|s| s.sources[0].host = "time.google.com".into(), "time.google.com smears leap seconds"),
            (
                &|s| s.sources.iter_mut().for_each(|one| one.smeared = true),
                "smeared leap seconds 500 ms, 1400 ms together",
            ),
            (
                &|s| s.threshold_ms = 501,
                "accuracy of 1000 ms cannot be kept: rounding takes 500 ms, the threshold 501 ms",
            ),
            (&|s| s.expire_seconds = 100, "100 s is less than two polls of 64 s"),
            (&|s| s.expire_seconds = 700, "in 700 s the clock may drift 350 ms"),
            (&|s| s.sources[0].host = "a b".into(), "time.sources[0].host: \"a b\" is not a host name"),
            (&|s| s.sources[0].ca_file = Some("x".into()), "time.sources[0].ca_file: plain NTP has no certificate"),
            (&|s| s.good_polls = 0, "time.good_polls: 0 is not between 1 and 20"),
        ];
        for (change, expected) in cases {
            let (_, problem) = problems(section(change), &seconds());
            assert!(problem.contains(expected), "{expected} is not in: {problem}");
        }
    }

    #[test]
    fn milliseconds_allow_a_finer_promise() {
        let promise =
            Promise { accuracy: Accuracy::from_millis(100).expect("not zero"), rounding: Duration::from_millis(1) };
        let fine = |threshold_ms| TimeSection {
            sources: four(),
            threshold_ms,
            poll_seconds: 16,
            expire_seconds: 64,
            ..TimeSection::default()
        };
        assert_eq!(problems(fine(99), &promise).1, "");
        assert!(problems(fine(100), &promise).1.contains("101 ms together"));
    }
}
