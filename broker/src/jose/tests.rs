use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::time::UnixTime;

use super::*;
use crate::token::mint::TestKey;

fn jwks(entries: &[&str]) -> Result<KeySet, JwksError> {
    KeySet::from_jwks(format!(r#"{{"keys":[{}]}}"#, entries.join(",")).as_bytes())
}

#[test]
fn entries_that_cannot_verify_tokens_are_left_out_and_named() {
    let p256 = TestKey::p256();
    let rsa = TestKey::generate(JoseAlgorithm::Rs256);
    let good = [
        p256.jwk("a", ""),
        p256.jwk("b", r#","use":"sig","key_ops":["verify"],"alg":"ES256""#),
        rsa.jwk("c", r#","alg":"PS384","x5c":["ignored"],"x5t":"ignored""#),
    ];
    let set = jwks(&good.each_ref().map(String::as_str)).expect("is a key set");
    assert_eq!((set.len(), set.skipped()), (3, &[][..]));

    let short = format!(r#"{{"kty":"RSA","kid":"k","n":"{}","e":"AQAB"}}"#, "_".repeat(171));
    let with_x = |x: &str| p256.jwk("k", "").replace(r#""x":""#, &format!(r#""x":"{x}"#));
    let bad = [
        (p256.jwk("k", r#","use":"enc""#), SkipReason::OtherUse),
        (p256.jwk("k", r#","use":["sig"]"#), SkipReason::OtherUse),
        (p256.jwk("k", r#","key_ops":["sign"]"#), SkipReason::OtherUse),
        (p256.jwk("k", r#","alg":"RS256""#), SkipReason::OtherUse),
        (p256.jwk("k", r#","alg":"ECDH-ES""#), SkipReason::OtherUse),
        (p256.jwk("k", r#","alg":7"#), SkipReason::Unfit),
        (p256.jwk("k", r#","d":"AAAA""#), SkipReason::PrivateKey),
        (p256.jwk("k", "").replace("P-256", "secp256k1"), SkipReason::Kind),
        (p256.jwk("k", "").replace("P-256", "P-384"), SkipReason::Unfit),
        (with_x("AAAA"), SkipReason::Unfit),
        (p256.jwk("k", "").replace(r#""x":""#, r#""x":"="#), SkipReason::Unfit),
        (r#"{"kty":"EC","crv":"P-256","kid":"k"}"#.to_owned(), SkipReason::Unfit),
        (r#"{"kty":"oct","k":"c2VjcmV0","kid":"k"}"#.to_owned(), SkipReason::Kind),
        (r#"{"kid":"k"}"#.to_owned(), SkipReason::Kind),
        (short, SkipReason::Unfit),
        (rsa.jwk("k", "").replace("AQAB", "Aw"), SkipReason::Unfit),
    ];
    for (entry, reason) in bad {
        let set = jwks(&[&entry]).expect("is a key set");
        assert!(set.is_empty(), "{entry}");
        assert_eq!(set.skipped(), [SkippedKey { kid: Some("k".into()), reason }], "{entry}");
    }
    // A point of the right length that is not on the curve.
    let off_curve = format!(r#"{{"kty":"EC","crv":"P-256","kid":"k","x":"{0}","y":"{0}"}}"#, "A".repeat(43));
    assert_eq!(jwks(&[&off_curve]).expect("is a key set").skipped()[0].reason, SkipReason::Unfit);
}

#[test]
fn whole_sets_are_refused_for_what_no_entry_can_mend() {
    let key = TestKey::p256();
    assert_eq!(KeySet::from_jwks(b"{}").err(), Some(JwksError::NoKeys));
    assert_eq!(KeySet::from_jwks(br#"{"keys":{}}"#).err(), Some(JwksError::NoKeys));
    assert_eq!(jwks(&["7"]).err(), Some(JwksError::NoKeys));
    assert_eq!(jwks(&[&key.jwk("a", ""), &key.jwk("a", "")]).err(), Some(JwksError::DuplicateKid("a".into())));
    assert!(jwks(&[&key.jwk("a", ""), &key.jwk("a", r#","use":"enc""#)]).is_ok(), "only usable keys collide");
    assert_eq!(jwks(&vec!["{}"; 101]).err(), Some(JwksError::TooMany(101)));
    let duplicate = KeySet::from_jwks(br#"{"keys":[],"keys":[]}"#).err();
    assert!(matches!(duplicate, Some(JwksError::Json(_))));
    let long = vec![b' '; MAX_JWKS_BYTES + 1];
    assert!(matches!(KeySet::from_jwks(&long), Err(JwksError::Json(_))));
    assert!(jwks(&[]).expect("an empty set is valid").is_empty());
}

#[test]
fn the_examples_of_the_jose_standards_verify() {
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let cases = [
        (
            JoseAlgorithm::Rs256,
            r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
            format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}"),
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            JoseAlgorithm::Es256,
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
            format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}"),
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            JoseAlgorithm::EdDsa,
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ];
    for (algorithm, jwk, input, signature) in cases {
        let keys = jwks(&[jwk]).expect("is a key set");
        let Selection::Key(key) = keys.select(None, algorithm, UnixTime::from_seconds(0)) else {
            panic!("{algorithm}: the only key is the one")
        };
        let mut signature = URL_SAFE_NO_PAD.decode(signature).expect("is base64url");
        assert!(key.verify_sig(input.as_bytes(), &signature).is_ok(), "{algorithm}");
        signature[10] ^= 1;
        assert!(key.verify_sig(input.as_bytes(), &signature).is_err(), "{algorithm}");
    }
}
