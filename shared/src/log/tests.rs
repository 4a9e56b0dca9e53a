mod disk;
mod faults;

use super::*;

fn key() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("generates"))
}

fn origin() -> Origin {
    Origin::parse("log.example").expect("name")
}

#[test]
fn leaves_are_proved_read_back_and_survive_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = key();
    let mut expected = 0u64;
    for round in 0..4u64 {
        let (log, report) = Log::open(dir.path(), origin(), key.clone()).expect("opens");
        assert_eq!((report.size, report.dropped, report.rebuilt_tiles), (expected, 0, 0), "round {round}");
        let pending: Vec<_> = (0..700).map(|n| log.append_proved(format!("leaf {}", expected + n))).collect();
        for (pending, index) in pending.into_iter().zip(expected..) {
            let proved = pending.wait().expect("durable");
            assert_eq!(proved.receipt.index(), index);
            assert_eq!(proved.verify(), Ok(()));
            let signed = SignedCheckpoint::parse(&proved.checkpoint).expect("parses");
            let checkpoint = signed.verify(key.public_key()).expect("ours");
            assert_eq!((checkpoint.size, checkpoint.root), (proved.tree_size, proved.root));
        }
        expected += 700;
        assert_eq!(log.size(), expected);
        let (size, root) = log.tree();
        for index in [0, 1, 255, 256, 511, 512, expected - 1] {
            let leaf = log.leaf(index).expect("reads").expect("is there");
            assert_eq!(leaf, format!("leaf {index}").into_bytes());
            let path = log.inclusion_proof(index, size).expect("reads").expect("in the tree");
            assert_eq!(merkle::verify_inclusion(&merkle::leaf_hash(&leaf), index, size, &path, &root), Ok(()));
        }
        assert_eq!(log.leaf(expected).expect("reads"), None);
        log.close();
        assert!(matches!(log.append("late").wait(), Err(AppendError::Closed)));
    }
}

#[test]
fn a_second_opening_and_a_foreign_key_or_name_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let ours = key();
    let (log, _) = Log::open(dir.path(), origin(), ours.clone()).expect("opens");
    log.append("leaf").wait().expect("durable");
    assert!(matches!(Log::open(dir.path(), origin(), ours.clone()), Err(LogOpenError::Disk(_))));
    drop(log);
    assert!(matches!(Log::open(dir.path(), origin(), key()), Err(LogOpenError::Segment { .. })));
    let other = Origin::parse("other.example").expect("name");
    assert!(matches!(Log::open(dir.path(), other, ours.clone()), Err(LogOpenError::Segment { .. })));
    assert_eq!(Log::open(dir.path(), origin(), ours).expect("opens").1.size, 1);
}

#[test]
fn an_append_can_be_awaited_and_dropped() {
    let log = Log::in_memory();
    drop(log.append("dropped"));
    let mut both = Box::pin(async { (log.append("a").await, log.append_proved("b").await) });
    let parker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(parker);
    let (first, second) = loop {
        match std::future::Future::poll(both.as_mut(), &mut context) {
            std::task::Poll::Ready(done) => break done,
            std::task::Poll::Pending => std::thread::yield_now(),
        }
    };
    assert_eq!(first.expect("durable").index(), 1);
    assert_eq!(second.expect("durable").receipt.index(), 2);
}

#[test]
fn too_much_is_refused_and_takes_no_memory() {
    let log = Log::in_memory();
    let longest = vec![1; MAX_LEAF];
    assert!(matches!(log.append(vec![1; MAX_LEAF + 1]).wait(), Err(AppendError::TooLarge { length: 65_536 })));
    let pending: Vec<_> = (0..2000).map(|_| log.append(&longest)).collect();
    let mut taken = 0;
    for pending in pending {
        match pending.wait() {
            Ok(receipt) => {
                assert_eq!(receipt.index(), taken);
                taken += 1;
            }
            Err(error) => assert!(matches!(error, AppendError::Overloaded { .. }), "{error}"),
        }
    }
    assert_eq!(log.size(), taken);
}
