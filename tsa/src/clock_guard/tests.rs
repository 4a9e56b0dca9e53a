use shared::audit::AuditRecord;

use super::*;

const BOOT: u64 = 1_000_000;
const WALL: u64 = 1_795_258_320_000;
const DAY: u64 = 86_400_000;

fn at(wall: u64, boot: u64) -> Look {
    Look { reading: ClockReading::awake(UnixTime::from_millis(wall), Duration::from_millis(boot)), kernel: None }
}

/// Both clocks so much later, and the hardware's only so much.
fn slept(by: u64, raw: u64) -> Look {
    let reading = ClockReading { raw: Duration::from_millis(BOOT + raw), ..later(by).reading };
    Look { reading, kernel: None }
}

/// Both clocks, so much later.
fn later(by: u64) -> Look {
    at(WALL + by, BOOT + by)
}

fn limits() -> ClockLimits {
    ClockLimits::LOCAL.between(UnixTime::from_millis(WALL - 1_000_000), UnixTime::from_millis(WALL + 40 * DAY))
}

fn marked(millis: u64) -> MarkRecovery {
    MarkRecovery::new(Some(UnixTime::from_millis(millis)))
}

/// A trusted time for tests of what comes after.
pub(crate) fn trusted(millis: u64) -> TrustedNow {
    let mut guard = ClockGuard::start(ClockLimits::LOCAL, Vec::new(), MarkRecovery::new(None), &at(millis, BOOT));
    guard.look(&at(millis, BOOT)).expect("a steady clock")
}

fn guard() -> ClockGuard {
    ClockGuard::start(limits(), Vec::new(), MarkRecovery::new(None), &later(0))
}

fn sources(count: usize) -> Vec<SourceLabel> {
    (0..count).map(|n| SourceLabel { name: format!("source-{n}"), is_authenticated: true }).collect()
}

fn watched(mode: ClockMode) -> ClockGuard {
    let limits = ClockLimits { mode, ..limits() };
    ClockGuard::start(limits, sources(4), MarkRecovery::new(None), &later(0))
}

/// An answer that says: at boot time `boot` it was `truth`, give or take `margin`; all milliseconds.
fn says(truth: u64, boot: u64, margin: u64) -> PollAnswer {
    let exchange = Exchange {
        sent: Duration::from_millis(boot - margin),
        received: Duration::from_millis(boot + margin),
        server_received_us: truth as i64 * 1_000,
        server_sent_us: truth as i64 * 1_000,
        root_delay_us: 0,
        root_dispersion_us: 0,
        leap: None,
    };
    Ok(Sample::measure(&exchange).expect("a sound exchange"))
}

/// All four say the truth, which the wall clock is ahead of by `ahead`.
fn poll(guard: &mut ClockGuard, look: &Look, ahead: i64) {
    let truth = look.reading.wall.millis().saturating_add_signed(-ahead);
    let boot = look.reading.boot.as_millis() as u64;
    let answers: Vec<PollAnswer> = (0..4).map(|n| says(truth, boot, 5 + n)).collect();
    guard.poll(&answers, look);
}

/// A guard that trusts: as many good polls as it takes, ten seconds apart, the last at 20 s.
fn trusting(mode: ClockMode) -> ClockGuard {
    let mut guard = watched(mode);
    for round in 0..3 {
        poll(&mut guard, &later(round * 10_000), 0);
    }
    assert_eq!(guard.advice(), None);
    guard
}

fn kinds(guard: &mut ClockGuard) -> Vec<String> {
    let json = |event: ClockEvent| serde_json::to_value(event).expect("encodes")["kind"].as_str().map(str::to_owned);
    guard.take_events().into_iter().filter_map(json).collect()
}

#[test]
fn a_steady_clock_is_trusted_and_raises_the_mark() {
    let mut guard = guard();
    for by in [0, 1, 1_000, DAY] {
        assert!(guard.look(&later(by)).is_ok());
        let now = guard.lease().permit(later(by).reading).expect("steady");
        assert_eq!(now.time().millis(), WALL + by);
        assert_eq!(guard.mark().signed_up_to(), now.time());
    }
}

#[test]
fn a_step_in_either_direction_stops_time_until_it_has_settled() {
    for by in [401, -401, 3_600_000, -3_600_000_i64] {
        let mut guard = guard();
        let moved = |later: u64| at((WALL + later).saturating_add_signed(by), BOOT + later);
        let lease = guard.lease();
        assert_eq!(lease.permit(moved(10).reading), Err(ClockTrouble::Stepped { by_ms: by }), "at the very request");
        assert_eq!(guard.look(&moved(10)), Err(ClockTrouble::Settling { remaining_ms: 5_000 }));
        assert_eq!(guard.look(&moved(5_009)), Err(ClockTrouble::Settling { remaining_ms: 1 }));
        let settled = guard.look(&moved(5_010));
        if by >= -1_000_000 {
            assert_eq!(settled.map(|now| now.time()), Ok(moved(5_010).reading.wall));
            assert_eq!(kinds(&mut guard), ["started", "stepped", "refusal-began", "refusal-ended"]);
        } else {
            assert_eq!(settled, Err(ClockTrouble::BeforeFloor));
        }
    }
}

#[test]
fn a_step_while_settling_starts_the_wait_again() {
    let mut guard = guard();
    assert!(guard.look(&at(WALL + 1_000, BOOT)).is_err());
    assert!(guard.look(&at(WALL + 2_000 + 4_000, BOOT + 4_000)).is_err());
    let again = guard.look(&at(WALL + 2_000 + 5_000, BOOT + 5_000));
    assert_eq!(again, Err(ClockTrouble::Settling { remaining_ms: 4_000 }));
}

#[test]
fn small_steps_add_up() {
    let mut guard = guard();
    assert!(guard.look(&at(WALL + 300, BOOT)).is_ok());
    assert!(guard.look(&at(WALL + 400, BOOT)).is_ok());
    assert_eq!(guard.lease().check(at(WALL + 401, BOOT).reading), Err(ClockTrouble::Stepped { by_ms: 401 }));
}

#[test]
fn without_a_quorum_a_large_step_is_forgiven_only_by_undoing_it() {
    let mut guard = guard();
    let displaced = Err(ClockTrouble::Displaced { by_ms: 3_600_001 });
    assert_eq!(guard.look(&at(WALL + 3_600_001, BOOT)), displaced);
    assert_eq!(guard.look(&at(WALL + 3_600_001 + 60_000, BOOT + 60_000)), displaced);
    assert!(guard.look(&at(WALL + 60_001, BOOT + 60_001)).is_ok());
    assert_eq!(kinds(&mut guard), ["started", "stepped", "refusal-began", "refusal-ended"]);
}

#[test]
fn a_rollback_across_a_restart_is_refused_until_the_clock_has_caught_up() {
    let guard = ClockGuard::start(limits(), Vec::new(), marked(WALL + 10_000), &later(0));
    let lease = guard.lease();
    assert_eq!(lease.permit(later(0).reading), Err(ClockTrouble::Behind { by_ms: 10_000 }));
    assert_eq!(lease.permit(later(9_599).reading), Err(ClockTrouble::Behind { by_ms: 401 }));
    assert!(lease.permit(later(9_600).reading).is_ok());
    assert_eq!(guard.mark().signed_up_to().millis(), WALL + 10_000);
}

#[test]
fn bounds_are_inclusive() {
    let limits = limits();
    for (wall, expected) in [
        (limits.floor.millis() - 1, Some(ClockTrouble::BeforeFloor)),
        (limits.floor.millis(), None),
        (limits.ceiling.millis(), None),
        (limits.ceiling.millis() + 1, Some(ClockTrouble::AfterCeiling)),
    ] {
        let mut guard = ClockGuard::start(limits, Vec::new(), MarkRecovery::new(None), &at(wall, BOOT));
        assert_eq!(guard.look(&at(wall, BOOT)).err(), expected);
    }
    assert_eq!(limits.between(UnixTime::from_millis(0), limits.ceiling).floor, ClockLimits::PROGRAM_FLOOR);
}

fn timestamped(at_ms: u64, clock: &str) -> AuditRecord {
    let nothing = String::new;
    AuditRecord::Timestamped {
        at_ms,
        unit: nothing(),
        serial: nothing(),
        gen_time: nothing(),
        policy: nothing(),
        tst_info_sha256: nothing(),
        imprint: nothing(),
        clock: clock.to_owned(),
    }
}

/// A mark that was kept, the timestamps on record since, the mark that is found, and whether the records' was refused.
type FoundMark = (Option<u64>, &'static [(u64, &'static str)], u64, bool);

#[test]
fn the_mark_is_found_again_and_a_clock_from_the_future_does_not_raise_it_far() {
    let cases: [FoundMark; 8] = [
        (None, &[], 0, false),
        (Some(WALL), &[], WALL, false),
        (None, &[(WALL, "local"), (WALL - 5, "local")], WALL, false),
        (Some(WALL), &[(WALL + 5_000, "local")], WALL + 5_000, false),
        (Some(WALL), &[(WALL - 5_000, "local")], WALL, false),
        (Some(WALL), &[(WALL + 365 * DAY, "local")], WALL + 7 * DAY, true),
        (Some(WALL), &[(WALL + 365 * DAY, "monitor"), (WALL + 2, "enforce 9 ms")], WALL + 7 * DAY + 2, true),
        (Some(WALL), &[(WALL + 3 * DAY, "enforce 37 ms")], WALL + 3 * DAY, false),
    ];
    for (kept, records, mark, is_refused) in cases {
        let mut recovery = MarkRecovery::new(kept.map(UnixTime::from_millis));
        recovery.see(&AuditRecord::StoreSetAside { at_ms: u64::MAX, path: String::new(), reason: String::new() });
        records.iter().for_each(|(at_ms, clock)| recovery.see(&timestamped(*at_ms, clock)));
        let (found, event) = recovery.finish(&limits(), Duration::ZERO);
        assert_eq!(found.signed_up_to().millis(), mark, "{kept:?} {records:?}");
        assert_eq!(event.is_some(), is_refused, "{kept:?} {records:?}");
    }
}

#[test]
fn without_a_quorum_the_mark_rises_by_a_week_and_twice_the_uptime() {
    let far = WALL + 30 * DAY;
    let guard = ClockGuard::start(limits(), Vec::new(), marked(WALL), &at(far, BOOT));
    guard.lease().permit(at(far, BOOT).reading).expect("a local clock is believed");
    assert_eq!(guard.mark().signed_up_to().millis(), WALL + 7 * DAY);
    guard.lease().permit(at(far + DAY, BOOT + DAY).reading).expect("a local clock is believed");
    assert_eq!(guard.mark().signed_up_to().millis(), WALL + 9 * DAY);
}

#[test]
fn it_takes_good_polls_in_a_row_to_be_trusted() {
    let mut guard = watched(ClockMode::Enforce);
    assert_eq!(guard.look(&later(0)), Err(ClockTrouble::NoQuorum { agreeing: 0, needed: 3, sources: 4 }));
    poll(&mut guard, &later(0), 0);
    assert_eq!(guard.look(&later(0)), Err(ClockTrouble::Recovering { remaining: 2 }));
    poll(&mut guard, &later(10_000), 0);
    guard.poll(&vec![Err("no answer".to_owned()); 4], &later(20_000));
    assert_eq!(guard.look(&later(20_000)), Err(ClockTrouble::Recovering { remaining: 3 }), "not in a row");
    for round in 3..6 {
        poll(&mut guard, &later(round * 10_000), 0);
    }
    let now = guard.look(&later(50_000)).expect("three in a row");
    assert!(now.uncertainty() < Duration::from_millis(70), "{now:?}");
    assert_eq!(now.source(), format!("enforce {} ms", now.uncertainty().as_millis()));
    let gained = ["source-gained"; 4].map(str::to_owned);
    let mut told = kinds(&mut guard);
    told.retain(|kind| !gained.contains(kind));
    assert_eq!(told, ["started", "refusal-began", "quorum-held", "refusal-ended"]);
}

#[test]
fn a_wrong_clock_is_never_trusted_and_a_nearly_right_one_is() {
    for (ahead, is_trusted) in [(0, true), (300, true), (-300, true), (400, false), (-400, false), (3_600_000, false)] {
        let mut guard = watched(ClockMode::Enforce);
        for round in 0..6 {
            poll(&mut guard, &later(round * 10_000), ahead);
        }
        assert_eq!(guard.look(&later(50_000)).is_ok(), is_trusted, "{ahead}");
        if !is_trusted {
            assert!(matches!(guard.advice(), Some(ClockTrouble::Off { limit_ms: 400, .. })), "{ahead}");
        }
    }
}

#[test]
fn a_liar_is_outvoted_and_two_are_a_draw() {
    for (liars, is_trusted) in [(1, true), (2, false)] {
        let mut guard = watched(ClockMode::Enforce);
        for round in 0..3 {
            let look = later(round * 10_000);
            let (truth, boot) = (look.reading.wall.millis(), look.reading.boot.as_millis() as u64);
            let lies = |n: u64| if n < liars { truth + 3_600_000 } else { truth };
            guard.poll(&(0..4).map(|n| says(lies(n), boot, 5)).collect::<Vec<_>>(), &look);
        }
        assert_eq!(guard.look(&later(20_000)).is_ok(), is_trusted);
        let counting = guard.sources().iter().filter(|source| source.counts()).count();
        assert_eq!(counting, if is_trusted { 3 } else { 2 });
    }
}

#[test]
fn what_sources_said_expires() {
    let mut guard = trusting(ClockMode::Enforce);
    let lease = guard.lease();
    assert!(lease.check(later(20_000 + 255_000).reading).is_ok());
    assert_eq!(lease.check(later(20_000 + 257_000).reading), Err(ClockTrouble::Expired), "without any look");
    guard.take_events();
    let silent = vec![Err("no answer".to_owned()); 4];
    guard.poll(&silent, &later(100_000));
    assert!(guard.look(&later(100_000)).is_ok(), "a lost packet or two matter little");
    guard.poll(&silent, &later(280_000));
    assert_eq!(guard.look(&later(280_000)), Err(ClockTrouble::NoQuorum { agreeing: 0, needed: 3, sources: 4 }));
    let told = kinds(&mut guard);
    assert_eq!(told[4..], ["quorum-lost", "refusal-began"], "{told:?}");
}

#[test]
fn with_a_quorum_a_step_stops_time_until_polls_bear_the_clock_out() {
    let mut guard = trusting(ClockMode::Enforce);
    let stepped = |by: u64| at(WALL + by + 3_600_000, BOOT + by);
    assert!(matches!(guard.look(&stepped(21_000)), Err(ClockTrouble::Off { .. })));
    for round in 3..9 {
        poll(&mut guard, &stepped(round * 10_000), 3_600_000);
        assert!(matches!(guard.look(&stepped(round * 10_000)), Err(ClockTrouble::Off { .. })));
    }
    // Put back: that is a step too.
    assert_eq!(guard.look(&later(90_000)), Err(ClockTrouble::Recovering { remaining: 3 }));
    for round in 10..13 {
        poll(&mut guard, &later(round * 10_000), 0);
    }
    assert!(guard.look(&later(120_000)).is_ok());
}

#[test]
fn monitor_tells_what_enforce_would_refuse_and_goes_on() {
    let mut guard = trusting(ClockMode::Monitor);
    guard.poll(&vec![Err("no answer".to_owned()); 4], &later(400_000));
    assert_eq!(guard.look(&later(400_000)).map(|now| now.source()), Ok("monitor".to_owned()));
    assert_eq!(guard.advice(), Some(ClockTrouble::NoQuorum { agreeing: 0, needed: 3, sources: 4 }));
    assert!(matches!(guard.look(&at(WALL, BOOT + 401_000)), Err(ClockTrouble::Settling { .. })), "its own eyes count");
}

#[test]
fn the_kernel_must_agree_where_it_is_asked() {
    let kernel = |is_synchronized, millis| {
        Some(KernelClock { is_synchronized, max_error: Duration::from_millis(millis), leap: None })
    };
    for (kernel, is_trusted) in
        [(kernel(true, 30), true), (kernel(true, 401), false), (kernel(false, 30), false), (None, false)]
    {
        let limits = ClockLimits { mode: ClockMode::Enforce, needs_kernel: true, ..limits() };
        let mut guard = ClockGuard::start(limits, sources(4), MarkRecovery::new(None), &later(0));
        for round in 0..3 {
            let look = Look { kernel, ..later(round * 10_000) };
            let _ = guard.look(&look);
            poll(&mut guard, &look, 0);
        }
        assert_eq!(guard.look(&Look { kernel, ..later(20_000) }).is_ok(), is_trusted, "{kernel:?}");
    }
}

#[test]
fn sleep_and_fast_steering_need_new_answers() {
    for (boot, raw) in [(3_600_000_u64, 0_u64), (5_000, 4_900), (5_000, 5_100)] {
        let mut guard = trusting(ClockMode::Enforce);
        let look = slept(20_000 + boot, 20_000 + raw);
        let by_ms = boot as i64 - raw as i64;
        let seen = guard.lease().permit(look.reading);
        assert_eq!(seen, Err(ClockTrouble::Slewed { by_ms }), "by the very request");
        assert!(matches!(guard.look(&look), Err(ClockTrouble::NoQuorum { .. })), "{boot} {raw}");
        assert!(kinds(&mut guard).contains(&"slewed".to_owned()));
        for round in 1..4 {
            let look = slept(20_000 + boot + round * 1_000, 20_000 + raw + round * 1_000);
            poll(&mut guard, &look, 0);
            assert_eq!(guard.look(&look).is_ok(), round == 3);
        }
    }
}

#[test]
fn what_sources_said_before_sleep_is_not_counted_after_it() {
    for is_seen in [false, true] {
        let limits = ClockLimits { mode: ClockMode::Enforce, good_polls: 1, ..limits() };
        let mut guard = ClockGuard::start(limits, sources(4), MarkRecovery::new(None), &later(0));
        // Three have answered, the fourth is still waited for, and the machine sleeps for an hour.
        let answers: Vec<PollAnswer> = (0..4).map(|n| says(WALL + 1_000, BOOT + 1_000, 5 + n)).collect();
        if is_seen {
            assert!(guard.look(&slept(3_601_000, 1_100)).is_err());
        }
        guard.poll(&answers, &slept(3_601_000, 1_100));
        let nobody = Err(ClockTrouble::NoQuorum { agreeing: 0, needed: 3, sources: 4 });
        assert_eq!(guard.look(&slept(3_601_100, 1_200)), nobody, "{is_seen}");
        assert!(
            guard.sources()[0]
                .trouble()
                .is_some_and(|trouble| trouble.contains("from before the machine's clocks were moved")),
            "{is_seen}"
        );
        poll(&mut guard, &slept(3_602_000, 2_100), 0);
        assert!(guard.look(&slept(3_602_000, 2_100)).is_ok(), "{is_seen}");
    }
}

#[test]
fn without_a_quorum_sleep_costs_the_wait_that_a_step_does() {
    let mut guard = guard();
    assert!(guard.look(&later(1_000)).is_ok());
    assert_eq!(guard.lease().permit(slept(61_000, 1_000).reading), Err(ClockTrouble::Slewed { by_ms: 60_000 }));
    assert_eq!(guard.look(&slept(61_000, 1_000)), Err(ClockTrouble::Settling { remaining_ms: 5_000 }));
    assert!(guard.look(&slept(66_000, 6_000)).is_ok());
}

/// Midnight of 2026-11-22 in milliseconds.
const MIDNIGHT: u64 = WALL / DAY * DAY + DAY;

#[test]
fn nothing_is_signed_around_a_leap_second_and_the_repeated_one_is_no_step() {
    for (kind, shift) in [(Leap::Insert, -1_000_i64), (Leap::Delete, 1_000)] {
        let kernel = Some(KernelClock { is_synchronized: true, max_error: Duration::ZERO, leap: Some(kind) });
        let start = MIDNIGHT - 10_000;
        let mut guard = ClockGuard::start(limits(), Vec::new(), MarkRecovery::new(None), &at(start, BOOT));
        let mut refused = Vec::new();
        for tick in (0..20_000).step_by(250) {
            // The clock takes the second when it would reach midnight, or a second before.
            let is_past = start + tick >= MIDNIGHT - if shift > 0 { 1_000 } else { 0 };
            let wall = (start + tick).saturating_add_signed(if is_past { shift } else { 0 });
            let look = Look { kernel, ..at(wall, BOOT + tick) };
            if guard.look(&look).is_err() {
                assert_eq!(guard.advice(), Some(ClockTrouble::LeapSecond), "{kind:?} {tick}");
                refused.push(wall);
            }
        }
        assert_eq!((refused.first(), refused.last()), (Some(&(MIDNIGHT - 2_000)), Some(&(MIDNIGHT + 1_750))));
        assert!(guard.leap().is_none(), "an announcement that stands afterwards is not for the next day");
        let told = kinds(&mut guard);
        assert_eq!(
            told,
            ["started", "kernel", "leap-announced", "refusal-began", "leap-passed", "refusal-ended"],
            "{kind:?}"
        );
    }
}

#[test]
fn a_source_that_does_not_announce_the_leap_second_is_left_out_on_its_day() {
    let announces = |leap| {
        let exchange = Exchange {
            sent: Duration::from_millis(BOOT),
            received: Duration::from_millis(BOOT + 2),
            server_received_us: (MIDNIGHT as i64 + 9 * DAY as i64 - 3_600_000) * 1_000,
            server_sent_us: (MIDNIGHT as i64 + 9 * DAY as i64 - 3_600_000) * 1_000,
            root_delay_us: 0,
            root_dispersion_us: 0,
            leap,
        };
        Sample::measure(&exchange).map_err(|error| error.to_string())
    };
    // An hour before the end of November.
    let look = at(MIDNIGHT + 9 * DAY - 3_600_000, BOOT);
    let limits = ClockLimits { mode: ClockMode::Enforce, ..limits() };
    let mut guard = ClockGuard::start(limits, sources(4), MarkRecovery::new(None), &look);
    guard.poll(&[Some(Leap::Insert), Some(Leap::Insert), Some(Leap::Insert), None].map(announces), &look);
    assert_eq!(guard.leap().map(|leap| leap.midnight().millis()), Some(MIDNIGHT + 9 * DAY));
    let counting: Vec<bool> = guard.sources().iter().map(TimeSource::counts).collect();
    assert_eq!(counting, [true, true, true, false]);
    assert!(guard.sources()[3].trouble().is_some_and(|trouble| trouble.contains("leap second")));
    assert_eq!(guard.quorum().map(|quorum| quorum.agreeing()), Some(3));
}

#[test]
fn absurd_readings_do_not_panic() {
    let mut guard = trusting(ClockMode::Enforce);
    for (wall, boot) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX, u64::MAX), (0, 0)] {
        let _ = guard.look(&at(wall, boot));
        guard.poll(&vec![Err(String::new()); 4], &at(wall, boot));
        let _ = guard.lease().permit(at(wall, boot).reading);
    }
}

mod quorums;
mod simulated;
