//! A configuration that changes under a served instance: by its file alone and by SIGHUP.

use std::process::Command;
use std::time::Duration;

use crate::serving::{Scratch, Serving, privyseal};

fn configuration(audience: &str) -> String {
    format!(
        "[[issuers]]\nid = \"ci\"\niss = \"https://ci.example.net\"\naudience = \"{audience}\"\nprofile = \"uri\"\n\
         grants = [{{ uri = \"https://ci.example.net/a\" }}]\n"
    )
}

fn is_in_force(serving: &Serving, audience: &str) -> bool {
    let published = String::from_utf8(serving.get("/api/v2/configuration")).unwrap();
    published.contains(&format!("\"audience\":\"{audience}\""))
}

/// Waits for as long as a busy machine may need; the test is about whether, not when.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("never: {what}");
}

#[test]
fn a_changed_file_and_a_signal_reload_the_configuration() {
    let scratch = Scratch::with_instance();
    let file = scratch.path("privyseal.toml");
    std::fs::write(&file, configuration("first")).unwrap();
    let serving = scratch.up(&["--config", &file]);
    assert!(is_in_force(&serving, "first"));

    std::fs::write(&file, configuration("second")).unwrap();
    wait_until("the changed file is in force", || is_in_force(&serving, "second"));

    std::fs::write(&file, configuration("third")).unwrap();
    assert!(Command::new("kill").args(["-HUP", &serving.id().to_string()]).status().unwrap().success());
    wait_until("the file is in force after the signal", || is_in_force(&serving, "third"));
    assert!(!is_in_force(&serving, "second"));
    assert_eq!(serving.terminate().0, Some(0));
}

#[test]
fn explain_evaluates_with_a_file_alone_and_prints_one_line_per_case() {
    let scratch = Scratch::new();
    let (token, file) = (scratch.path("token"), scratch.path("privyseal.toml"));
    // {"alg":"ES256"}.{"iss":"https://evil.example"} and no signature.
    let text = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9.";
    std::fs::write(&token, text).unwrap();
    std::fs::write(&file, configuration("sigstore")).unwrap();
    let output = privyseal().args(["explain", "--token", &token, "--config", &file]).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("refused by rule I2, at the step \"issuer\""), "{output}");
    assert!(!output.contains(text), "the token is not repeated");

    let cases = scratch.path("cases.tsv");
    std::fs::write(
        &cases,
        "n\tkind\tcase\r\n1\tissreg\thttps://idp.example.com\r\n2\tissreg\thttp://idp.example.com\r\n",
    )
    .unwrap();
    let tried = privyseal().args(["explain", "--vectors", &cases]).output().unwrap();
    assert!(tried.status.success());
    assert_eq!(String::from_utf8(tried.stdout).unwrap(), "1\tACCEPT\t\n2\tREJECT\tI1\n");
    std::fs::write(&cases, "n\tkind\texpect\tcase\n1\tissreg\tREJECT\thttps://idp.example.com\n").unwrap();
    let tried = privyseal().args(["explain", "--vectors", &cases]).output().unwrap();
    assert_eq!(tried.status.code(), Some(1));
    assert_eq!(String::from_utf8(tried.stdout).unwrap(), "1\tACCEPT\t\n");
}

#[test]
fn a_user_with_an_address_of_another_issuer_is_refused() {
    let scratch = Scratch::with_instance();
    let (data, file) = (scratch.path("data"), scratch.path("privyseal.toml"));
    std::fs::write(
        &file,
        "[[issuers]]\nid = \"corp\"\niss = \"https://login.corp.example\"\nprofile = \"email\"\n\
         grants = [{ email = \"corp.example\" }]\n",
    )
    .unwrap();
    let add = |email: &str| {
        let done = privyseal().args(["user", "add", email, "--data", &data, "--config", &file]).output().unwrap();
        (done.status.success(), String::from_utf8(done.stderr).unwrap())
    };
    assert!(add("bob@instance.example").0);
    let (is_added, output) = add("bob@corp.example");
    assert!(!is_added && output.contains("issuer:corp") && output.contains("rule X1"), "{output}");
}
