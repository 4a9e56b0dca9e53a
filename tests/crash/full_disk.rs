//! A disk that fills up under load: every timestamp that left is on record, none leaves after the first that could not be
//! recorded, and the house goes on when there is room again.

use std::sync::{Arc, Mutex};

use reqwest::{Client, StatusCode};
use shared::random::{Random, SystemRandom};
use tokio::task::JoinSet;

use crate::evidence::{self, Acknowledged};
use crate::house::House;
use crate::work;

/// Room for some thousand records beside what a start writes.
const ROOM_KIB: u32 = 2048;
/// Far more timestamps than there is room for, by each worker.
const MOST: usize = 20_000;
const WORKERS: usize = 8;
/// `systemFailure` (RFC 3161 §2.4.2), as the last octets of a rejection.
const SYSTEM_FAILURE: [u8; 7] = [0x03, 0x05, 0x06, 0x00, 0x00, 0x00, 0x40];

/// Stamps until it is refused; then nothing may be granted any more.
async fn stamp_until_full(client: Client, origin: String, acknowledged: Arc<Mutex<Vec<Acknowledged>>>) -> bool {
    let ask = async |data: &[u8]| {
        let request = client.post(format!("{origin}/api/v1/timestamp"));
        let request = request.header("content-type", "application/timestamp-query").body(work::query(data));
        let answer = request.send().await.expect("an answer, whatever the disk does");
        (answer.status(), answer.bytes().await.expect("a body"))
    };
    for _ in 0..MOST {
        let random: &dyn Random = &SystemRandom;
        let data = random.bytes::<32>().to_vec();
        let (status, response) = ask(&data).await;
        if status == StatusCode::OK {
            acknowledged.lock().unwrap().push(Acknowledged::Timestamp { data, response: response.to_vec() });
            continue;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.ends_with(&SYSTEM_FAILURE), "{response:02x?}");
        for _ in 0..20 {
            assert_eq!(ask(&data).await.0, StatusCode::SERVICE_UNAVAILABLE, "granted after a record was lost");
        }
        return true;
    }
    false
}

#[test]
fn a_full_disk_stops_timestamps_and_loses_none() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let house = House::init();
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let life = house.start_with_little_disk(ROOM_KIB);
    let ran_full = runtime.block_on(async {
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            workers.spawn(stamp_until_full(house.client(), house.origin(), acknowledged.clone()));
        }
        workers.join_all().await
    });
    assert_eq!(ran_full, [true; WORKERS], "the disk never ran full");
    let ready = runtime.block_on(async { house.client().get(format!("{}/readyz", house.origin())).send().await });
    assert_eq!(ready.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    life.kill(0);

    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    assert!(acknowledged.len() > 100, "{} timestamps before the disk was full", acknowledged.len());
    let life = house.start();
    let summary = runtime.block_on(evidence::check(&house, &acknowledged));
    drop(life);
    house.verify_offline();
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "full disk: acknowledged and found: {summary}");
}
