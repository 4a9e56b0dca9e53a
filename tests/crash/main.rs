//! `kill -9` of the whole instance under load, again and again: what it acknowledged is in logs that verify, and no
//! serial number was given twice. And the same when the disk is full: what cannot be recorded is not signed.
//!
//! PRIVYSEAL_TEST_KILLS sets the number of kills; the default is 50.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test fails by panic, and looks at clocks, files and its environment itself"
)]

mod evidence;
mod full_disk;
mod instance;
mod login;
mod registration;
mod rollover;
mod work;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::random::{Random, SystemRandom};

use evidence::Acknowledged;
use instance::Instance;
use login::Login;

const KILLS: usize = 50;

/// One run in so many lasts until a login has finished: hashing a password takes longer than most runs last.
const LOGIN_EVERY: usize = 5;

fn wait_for_login(token: &Mutex<Login>) {
    let before = token.lock().unwrap().id_token.clone();
    for _ in 0..500 {
        if token.lock().unwrap().id_token != before {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_instance_is_killed() {
    let kills = std::env::var_os("PRIVYSEAL_TEST_KILLS").and_then(|n| n.to_str()?.parse().ok()).unwrap_or(KILLS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let instance = Arc::new(Instance::init());
    let acknowledged = Arc::new(Mutex::new(Vec::new()));

    // The first life is not cut short: later ones use its token.
    let life = instance.start();
    let token = runtime.block_on(login::log_in(&instance, &instance.client())).expect("a first login");
    acknowledged.lock().unwrap().push(Acknowledged::Login(token.clone()));
    // Another for the instance's own API; it lasts for the whole test.
    let api =
        runtime.block_on(login::log_in_as(&instance, &instance.client(), "privyseal-cli")).expect("a login").id_token;
    drop(life);

    let token = Arc::new(Mutex::new(token));
    for kill in 0..kills {
        let life = instance.start();
        let load = work::start(&runtime, &instance, &token, &api, &acknowledged);
        let random: &dyn Random = &SystemRandom;
        let [wait] = random.bytes::<1>();
        if kill % LOGIN_EVERY == 0 {
            wait_for_login(&token);
        }
        std::thread::sleep(Duration::from_millis(20 + u64::from(wait)));
        life.kill(kill);
        runtime.block_on(load.ended());
    }

    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    let life = instance.start();
    let summary = runtime.block_on(evidence::check(&instance, &acknowledged));
    assert!(summary.is_of_all_kinds(), "nothing was at stake: {summary}");
    drop(life);
    instance.verify_offline();
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "instance: {kills} kills; acknowledged and found: {summary}");
}
