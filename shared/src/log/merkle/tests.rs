use proptest::prelude::*;

use super::*;

/// The eight leaves that the test suites of Certificate Transparency have used since RFC 6962, and their roots.
fn vectors() -> Vec<Hash> {
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
        .iter()
        .map(|leaf| leaf_hash(&hex::decode(leaf).expect("hex")))
        .collect()
}

const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hash(hex: &str) -> Hash {
    hex::decode(hex).expect("hex").try_into().expect("32 bytes")
}

#[test]
fn roots_are_those_of_the_vectors() {
    let leaves = vectors();
    assert_eq!(empty_root(), hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    for (size, root) in (1..).zip(ROOTS) {
        assert_eq!(super::root(&leaves[..], size), Ok(hash(root)));
    }
}

#[test]
fn proofs_are_those_of_the_vectors() {
    let leaves = vectors();
    let path = |index, size| inclusion_proof(&leaves[..], index, size).expect("memory").expect("in range");
    assert_eq!(path(0, 1), Vec::<Hash>::new());
    assert_eq!(
        path(0, 8),
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]
        .map(hash)
    );
    assert_eq!(
        path(5, 8),
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
        .map(hash)
    );
    assert_eq!(path(2, 3), [hash("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")]);
    let consistency = |old, new| consistency_proof(&leaves[..], old, new).expect("memory").expect("in order");
    assert_eq!(
        consistency(1, 8),
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]
        .map(hash)
    );
    assert_eq!(
        consistency(6, 8),
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
        .map(hash)
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let leaves = vectors();
    assert_eq!(inclusion_proof(&leaves[..], 8, 8), Ok(None));
    assert_eq!(consistency_proof(&leaves[..], 3, 2), Ok(None));
    let root = hash(ROOTS[0]);
    assert_eq!(verify_inclusion(&leaves[0], 1, 1, &[], &root), Err(ProofError::Range { index: 1, size: 1 }));
    assert_eq!(verify_inclusion(&leaves[0], 0, 0, &[], &root), Err(ProofError::Range { index: 0, size: 0 }));
    assert_eq!(verify_inclusion(&leaves[0], 0, 1, &[root], &root), Err(ProofError::Length(1)));
    assert_eq!(verify_consistency(0, &empty_root(), 1, &root, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &root, 1, &root, &[]), Err(ProofError::Root));
    assert_eq!(verify_consistency(1, &root, 1, &root, &[root]), Err(ProofError::Length(1)));
    assert_eq!(verify_consistency(3, &root, 4, &root, &[]), Err(ProofError::Length(0)));
}

proptest! {
    #[test]
    fn inclusion_holds_and_nothing_else_passes(size in 1u64..300, pick in any::<u64>(), damage in any::<(usize, u8)>()) {
        let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_le_bytes())).collect();
        let index = pick % size;
        let root = root(&leaves[..], size).expect("memory");
        let leaf = &leaves[index as usize];
        let path = inclusion_proof(&leaves[..], index, size).expect("memory").expect("in range");
        prop_assert_eq!(verify_inclusion(leaf, index, size, &path, &root), Ok(()));
        let other = (index + 1) % size;
        if other != index {
            prop_assert!(verify_inclusion(leaf, other, size, &path, &root).is_err());
        }
        let mut longer = path.clone();
        longer.push(root);
        prop_assert!(verify_inclusion(leaf, index, size, &longer, &root).is_err());
        if !path.is_empty() {
            prop_assert!(verify_inclusion(leaf, index, size, &path[1..], &root).is_err());
            let mut wrong = path.clone();
            wrong[damage.0 % path.len()][damage.1 as usize % 32] ^= 1;
            prop_assert_eq!(verify_inclusion(leaf, index, size, &wrong, &root), Err(ProofError::Root));
        }
    }

    #[test]
    fn consistency_holds_and_nothing_else_passes(new in 1u64..300, pick in any::<u64>(), damage in any::<(usize, u8)>()) {
        let leaves: Vec<Hash> = (0..new).map(|n| leaf_hash(&n.to_le_bytes())).collect();
        let old = pick % (new + 1);
        let (old_root, new_root) = (root(&leaves[..], old).expect("memory"), root(&leaves[..], new).expect("memory"));
        let path = consistency_proof(&leaves[..], old, new).expect("memory").expect("in order");
        prop_assert_eq!(verify_consistency(old, &old_root, new, &new_root, &path), Ok(()));
        if !path.is_empty() {
            prop_assert!(verify_consistency(old, &old_root, new, &new_root, &path[1..]).is_err());
            let mut wrong = path.clone();
            wrong[damage.0 % path.len()][damage.1 as usize % 32] ^= 1;
            prop_assert_eq!(verify_consistency(old, &old_root, new, &new_root, &wrong), Err(ProofError::Root));
            let mut other = old_root;
            other[damage.1 as usize % 32] ^= 1;
            prop_assert!(verify_consistency(old, &other, new, &new_root, &path).is_err());
        }
    }
}
