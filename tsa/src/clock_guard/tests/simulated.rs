//! The promise itself, in a simulation: true time, a machine whose clocks drift, are steered, stepped and put
//! to sleep, sources that are slow, silent or lie, and requests at any moment. Whatever happens, a time that may be
//! signed is no further from true time than the guard says, as long as liars are fewer than half.

use proptest::prelude::*;

use super::*;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// Time passes, and the guard looks four times a second.
    Pass { millis: u64 },
    /// The wall clock is set.
    Step { by: i64 },
    /// The kernel steers both clocks from now on, in parts per million.
    Steer { ppm: i64 },
    /// The machine sleeps; what it thinks it slept is wrong by so much.
    Sleep { millis: u64, error: i64 },
    /// The machine stands still and does not know, as a paused virtual one.
    Pause { millis: u64 },
    /// The sources are asked.
    Poll { silent: u8, delay: u64, back: u64 },
    /// The machine sleeps after some sources have answered and before the last one has; the guard may look in between.
    SleepInPoll { millis: u64, error: i64, is_seen: bool },
    /// The liars lie by so much from now on.
    Lie { by: i64 },
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    let small = -900_i64..900;
    let step = prop_oneof![small.clone(), -7_200_000_i64..7_200_000];
    let poll = (0_u8..32, 0_u64..150, 0_u64..150).prop_map(|(silent, delay, back)| Poll {
        // More often than not all answer.
        silent: if silent < 16 { 1 << (silent % 5) >> 1 } else { 0 },
        delay,
        back,
    });
    prop_oneof![
        4 => (1_u64..90_000).prop_map(|millis| Pass { millis }),
        8 => poll,
        1 => step.clone().prop_map(|by| Step { by }),
        1 => (-500_i64..500).prop_map(|ppm| Steer { ppm }),
        1 => prop_oneof![Just(0_i64), -100_000_i64..100_000].prop_map(|ppm| Steer { ppm }),
        1 => (1_000_u64..7_200_000, small.clone()).prop_map(|(millis, error)| Sleep { millis, error }),
        1 => (1_000_u64..7_200_000, small, any::<bool>())
            .prop_map(|(millis, error, is_seen)| SleepInPoll { millis, error, is_seen }),
        1 => (1_000_u64..7_200_000).prop_map(|millis| Pause { millis }),
        1 => step.prop_map(|by| Lie { by }),
    ]
}

/// All in microseconds, so that a second of 1 ppm is not nothing.
struct Simulation {
    truth: i128,
    boot: i128,
    raw: i128,
    wall: i128,
    crystal_ppm: i128,
    steering_ppm: i128,
    lie: i64,
    liars: usize,
    sources: usize,
}

impl Simulation {
    fn pass(&mut self, micros: i128) {
        self.truth += micros;
        let raw = micros + micros * self.crystal_ppm / 1_000_000;
        let boot = raw + raw * self.steering_ppm / 1_000_000;
        self.raw += raw;
        self.boot += boot;
        self.wall += boot;
    }

    fn look(&self) -> Look {
        let span = |micros: i128| Duration::from_micros(micros as u64);
        let wall = UnixTime::from_millis((self.wall / 1_000) as u64);
        Look { reading: ClockReading { wall, boot: span(self.boot), raw: span(self.raw) }, kernel: None }
    }

    fn sleep(&mut self, millis: u64, error: i64) {
        let slept = i128::from(millis) * 1_000;
        self.truth += slept;
        self.boot += slept + i128::from(error) * 1_000;
        self.wall += slept + i128::from(error) * 1_000;
    }

    fn poll(&mut self, silent: u8, delay: u64, back: u64) -> Vec<PollAnswer> {
        let sent = self.look().reading.boot;
        self.pass(i128::from(delay) * 1_000);
        let server = self.truth as i64;
        self.pass(i128::from(back) * 1_000);
        let received = self.look().reading.boot;
        let answer = |source: usize| {
            if silent >> source & 1 == 1 {
                return Err("no answer".to_owned());
            }
            let lie = if source < self.liars { self.lie * 1_000 } else { 0 };
            let exchange = Exchange {
                sent,
                received,
                server_received_us: server + lie,
                server_sent_us: server + lie,
                root_delay_us: 200,
                root_dispersion_us: 300,
                leap: None,
            };
            Sample::measure(&exchange).map_err(|error| error.to_string())
        };
        (0..self.sources).map(answer).collect()
    }
}

fn run(simulation: &mut Simulation, happenings: &[Happening]) -> Result<usize, TestCaseError> {
    let limits = ClockLimits { mode: ClockMode::Enforce, floor: ClockLimits::PROGRAM_FLOOR, ..ClockLimits::LOCAL };
    let mut guard = ClockGuard::start(limits, sources(simulation.sources), MarkRecovery::new(None), &simulation.look());
    let mut trusted = 0;
    for happening in happenings {
        match *happening {
            Happening::Step { by } => simulation.wall += i128::from(by) * 1_000,
            Happening::Steer { ppm } => simulation.steering_ppm = i128::from(ppm),
            Happening::Lie { by } => simulation.lie = by,
            Happening::Pause { millis } => simulation.truth += i128::from(millis) * 1_000,
            Happening::Sleep { millis, error } => simulation.sleep(millis, error),
            Happening::SleepInPoll { millis, error, is_seen } => {
                let answers = simulation.poll(0, 5, 5);
                simulation.sleep(millis, error);
                if is_seen {
                    let _ = guard.look(&simulation.look());
                }
                guard.poll(&answers, &simulation.look());
            }
            Happening::Poll { silent, delay, back } => {
                let answers = simulation.poll(silent, delay, back);
                guard.poll(&answers, &simulation.look());
            }
            Happening::Pass { millis } => {
                for _ in 0..millis / 250 {
                    simulation.pass(250_000);
                    trusted += check(simulation, &guard)?;
                    let _ = guard.look(&simulation.look());
                }
            }
        }
        // A paused machine cannot notice before it has asked again. Sleep is noticed by the very next
        // request.
        if matches!(happening, Happening::Pause { .. }) {
            let answers = simulation.poll(0, 5, 5);
            guard.poll(&answers, &simulation.look());
        }
        trusted += check(simulation, &guard)?;
    }
    Ok(trusted)
}

/// A request comes in.
fn check(simulation: &Simulation, guard: &ClockGuard) -> Result<usize, TestCaseError> {
    let Ok(now) = guard.lease().permit(simulation.look().reading) else { return Ok(0) };
    let error = i128::from(now.time().millis()) - simulation.truth / 1_000;
    let promised = now.uncertainty().as_millis() as i128;
    prop_assert!(error.abs() <= promised, "off by {error} ms, promised {promised} ms");
    prop_assert!(promised <= 400);
    Ok(1)
}

fn simulation(crystal_ppm: i128, sources: usize) -> Simulation {
    let start = i128::from(WALL) * 1_000;
    Simulation {
        truth: start,
        boot: i128::from(BOOT) * 1_000,
        raw: i128::from(BOOT) * 1_000,
        wall: start,
        crystal_ppm,
        steering_ppm: 0,
        lie: 0,
        liars: (sources - 1) / 2,
        sources,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_trusted_time_is_further_from_the_truth_than_it_says(
        crystal in -200_i128..200,
        sources in 4_usize..6,
        happenings in prop::collection::vec(happening(), 1..60),
    ) {
        run(&mut simulation(crystal, sources), &happenings)?;
    }
}

/// The property would hold of a guard that trusts nothing.
#[test]
fn an_undisturbed_machine_is_trusted_nearly_always() {
    let rounds: Vec<Happening> = (0..60)
        .flat_map(|_| [Happening::Poll { silent: 0, delay: 20, back: 30 }, Happening::Pass { millis: 64_000 }])
        .collect();
    let trusted = run(&mut simulation(20, 4), &rounds).expect("no promise is broken");
    assert!(trusted > 57 * 256, "{trusted}");
}
