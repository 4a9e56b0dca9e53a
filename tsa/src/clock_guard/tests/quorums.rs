//! What a majority leaves possible, by table.

use super::*;

/// Bounds in milliseconds about a boot clock of `BOOT`, `None` for silence.
fn samples(bounds: &[Option<(i64, i64)>]) -> Vec<Option<Sample>> {
    let sample = |(from, to): (i64, i64)| {
        let half = Duration::from_millis(to.abs_diff(from) / 2);
        let middle = (BOOT as i64 + (from + to) / 2) * 1_000;
        let exchange = Exchange {
            sent: Duration::from_millis(BOOT) - half,
            received: Duration::from_millis(BOOT) + half,
            server_received_us: middle,
            server_sent_us: middle,
            root_delay_us: 0,
            root_dispersion_us: 0,
            leap: None,
        };
        Sample::measure(&exchange).expect("a sound exchange")
    };
    bounds.iter().map(|bounds| bounds.map(sample)).collect()
}

#[test]
fn a_majority_must_share_a_moment() {
    // Bounds, how many agree, and the largest error of a clock that is right, without drift and cutting.
    type Case<'a> = (&'a [Option<(i64, i64)>], usize, Option<u64>);
    let cases: [Case<'_>; 8] = [
        (&[Some((-10, 10)), Some((-10, 10)), Some((-10, 10)), Some((-10, 10))], 4, Some(10)),
        (&[Some((-10, 10)), Some((-10, 10)), Some((-10, 10)), Some((900, 920))], 3, Some(10)),
        (&[Some((-10, 10)), Some((-10, 10)), Some((-10, 10)), None], 3, Some(10)),
        (&[Some((-10, 10)), Some((-10, 10)), None, None], 2, None),
        (&[Some((-10, 10)), Some((-10, 10)), Some((900, 920)), Some((900, 920))], 2, None),
        (&[Some((0, 20)), Some((20, 40)), Some((10, 30)), Some((-300, 300))], 4, Some(40)),
        (&[Some((-400, 400)), Some((-10, 10)), Some((-20, 20)), Some((-30, 30))], 4, Some(30)),
        (&[None, None, None, None], 0, None),
    ];
    for (bounds, agreeing, error) in cases {
        let now = Duration::from_millis(BOOT + 400);
        let found = Quorum::of(&samples(bounds), 3, now, Duration::from_secs(256));
        match (found, error) {
            (Ok((quorum, agrees)), Some(error)) => {
                assert_eq!((quorum.agreeing(), agrees.iter().filter(|a| **a).count()), (agreeing, agreeing));
                let found = quorum.largest_error(0, now).as_millis() as u64;
                assert!((error..error + 6).contains(&found), "{bounds:?}: {found}");
            }
            (Err((none, _)), None) => assert_eq!(none.agreeing, agreeing, "{bounds:?}"),
            (found, _) => panic!("{bounds:?}: {found:?}"),
        }
    }
}

#[test]
fn answers_that_contradict_themselves_are_none() {
    let sound = Exchange {
        sent: Duration::from_millis(1_000),
        received: Duration::from_millis(1_010),
        server_received_us: 5_000_000,
        server_sent_us: 5_002_000,
        root_delay_us: 1_000,
        root_dispersion_us: 1_000,
        leap: None,
    };
    assert!(Sample::measure(&sound).is_ok());
    let slow_server = Exchange { server_sent_us: 5_011_000, ..sound };
    let backwards = Exchange { server_sent_us: 4_999_999, ..sound };
    let back_in_time = Exchange { received: Duration::from_millis(999), ..sound };
    for exchange in [slow_server, backwards, back_in_time] {
        assert_eq!(Sample::measure(&exchange), Err(ExchangeError::Order));
    }
    for (root_delay_us, root_dispersion_us) in [(0, 1_500_001), (3_000_002, 0), (-1, 0), (0, -1), (i64::MAX, i64::MAX)]
    {
        let far = Exchange { root_delay_us, root_dispersion_us, ..sound };
        assert!(matches!(Sample::measure(&far), Err(ExchangeError::Distance(_))), "{far:?}");
    }
}
