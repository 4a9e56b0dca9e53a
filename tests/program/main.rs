//! The program as an operator uses it: starts, refusals, the stop signal, TLS. Needs only the built binary.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test may do what the pure core may not")]

mod change;
mod serving;
mod tls;
mod upgrade;

use std::process::Output;

use serving::{Scratch, privyseal};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(arguments: &[&str]) -> Output {
    privyseal().args(arguments).output().unwrap()
}

#[test]
fn init_sets_up_an_instance_once_and_prints_the_password_once() {
    let scratch = Scratch::new();
    let data = scratch.path("data");
    let first = run(&["init", "--data", &data, "--user", "alice@example.com"]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert!(text(&first.stdout).contains("Password:"), "{}", text(&first.stdout));
    let key_file = std::fs::metadata(scratch.path("data/key-file")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key_file.permissions()) & 0o777, 0o600);
    let again = run(&["init", "--data", &data]);
    assert!(!again.status.success());
    assert!(text(&again.stderr).contains("already holds an instance"), "{}", text(&again.stderr));
    let users = run(&["user", "list", "--data", &data]);
    assert!(text(&users.stdout).starts_with("alice@example.com\t"), "{}", text(&users.stdout));
}

#[test]
fn users_are_added_and_changed_and_errors_name_the_rule() {
    let scratch = Scratch::with_instance();
    let data = scratch.path("data");
    assert!(run(&["user", "add", "bob@example.com", "--data", &data]).status.success());
    let twice = run(&["user", "add", "bob@example.com", "--data", &data]);
    assert!(text(&twice.stderr).contains("bob@example.com"), "{}", text(&twice.stderr));
    assert!(run(&["user", "passwd", "bob@example.com", "--data", &data]).status.success());
    let nobody = run(&["user", "passwd", "carol@example.com", "--data", &data]);
    assert!(text(&nobody.stderr).contains("no user"), "{}", text(&nobody.stderr));
    let bad = run(&["user", "add", "not an address", "--data", &data]);
    assert!(text(&bad.stderr).contains("e-mail"), "{}", text(&bad.stderr));
}

#[test]
fn up_prints_its_origin_first_and_a_second_process_is_refused() {
    let scratch = Scratch::with_instance();
    let serving = scratch.up(&[]);
    assert!(serving.origin.starts_with("http://127.0.0.1:"), "{}", serving.origin);
    let second = run(&["up", "--data", &scratch.path("data"), "--listen", "127.0.0.1:0"]);
    assert!(!second.status.success());
    assert!(text(&second.stderr).contains("in use by another privyseal process"), "{}", text(&second.stderr));
    let (code, output) = serving.terminate();
    assert_eq!(code, Some(0), "{output}");
    for client in ["cosign:", "sigstore-python:", "openssl:"] {
        assert!(output.contains(client), "{output}");
    }
}

#[test]
fn an_instance_that_is_served_again_is_the_same_instance() {
    let scratch = Scratch::with_instance();
    let root = |serving: &serving::Serving| serving.get("/trust/root.json");
    let serving = scratch.up(&[]);
    let before = root(&serving);
    assert_eq!(serving.terminate().0, Some(0));
    let serving = scratch.up(&[]);
    assert_eq!(root(&serving), before);
    assert_eq!(serving.terminate().0, Some(0));
    let audit = run(&["audit", "verify", "--data", &scratch.path("data")]);
    assert!(audit.status.success(), "{}{}", text(&audit.stdout), text(&audit.stderr));
}

#[test]
fn plain_http_for_others_is_refused_unless_it_is_asked_for_by_name() {
    let scratch = Scratch::with_instance();
    let refused = run(&["up", "--data", &scratch.path("data"), "--listen", "0.0.0.0:0"]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("danger_plain_http"), "{}", text(&refused.stderr));
}

#[test]
fn config_check_reports_every_problem_with_its_place() {
    let scratch = Scratch::new();
    std::fs::write(
        scratch.path("bad.toml"),
        r#"
        [instance]
        origin = "https://SEAL.example.com/"
        [listen]
        address = "0.0.0.0:80"
        [provider]
        token_seconds = 100000
        [[issuers]]
        id = "a"
        iss = "https://idp.example.com/x/../y"
        profile = "email"
        grants = [{ email = "example.com" }]
        [[issuers]]
        id = "b"
        iss = "https://idp.example.net"
        profile = "email"
        grants = [{ email = "example.com" }, { uri = "http://x" }]
        [[issuers]]
        id = "c"
        iss = "https://idp.example.org"
        profile = "email"
        grants = [{ email = "example.com" }]
        [timestamps]
        policies = ["1.2.x"]
        "#,
    )
    .unwrap();
    let checked = run(&["config", "check", &scratch.path("bad.toml")]);
    assert!(!checked.status.success());
    let output = text(&checked.stderr);
    for place in [
        "instance.origin",
        "listen.address",
        "provider.token_seconds",
        "issuers[0].iss",
        "issuers[1].grants[1]",
        "timestamps.policies[0]",
        "issuers, connectors",
    ] {
        assert!(output.contains(place), "{place} is not in:\n{output}");
    }
    std::fs::write(scratch.path("unknown.toml"), "[listen]\nadress = \"x\"\n").unwrap();
    let unknown = run(&["config", "check", &scratch.path("unknown.toml")]);
    assert!(text(&unknown.stderr).contains("adress"), "{}", text(&unknown.stderr));
    std::fs::write(scratch.path("good.toml"), "[instance]\norigin = \"https://seal.example.com\"\n").unwrap();
    assert!(run(&["config", "check", &scratch.path("good.toml")]).status.success());
}

/// What a feature adds to `Cargo.toml`'s default build: whether it is built here, and the places that ask for it.
const FEATURES: [(&str, bool, &[&str]); 4] = [
    ("deny-expressions", cfg!(feature = "deny-expressions"), &["issuers[0].deny"]),
    ("dns-proofs", cfg!(feature = "dns-proofs"), &["registration.enforce", "registration.resolvers"]),
    ("upstream-login", cfg!(feature = "upstream-login"), &["connectors[0]"]),
    ("workload-api", cfg!(feature = "workload-api"), &["spiffe.workload_api"]),
];

/// Never ignored: the configuration is refused wherever it asks for what this build lacks, and there only.
#[test]
fn what_this_build_lacks_is_a_problem_at_its_place() {
    let scratch = Scratch::with_instance();
    std::fs::write(
        scratch.path("all.toml"),
        r#"
        [[connectors]]
        id = "corp"
        name = "Corp"
        iss = "https://login.example.com"
        client_id = "x"
        [[issuers]]
        id = "a"
        iss = "https://idp.example.com"
        profile = "email"
        deny = "claims.fork == true"
        [registration]
        resolvers = ["192.0.2.53", "192.0.2.54"]
        enforce = ["example.org"]
        [spiffe]
        workload_api = "unix:///nowhere/agent.sock"
        "#,
    )
    .unwrap();
    let checked = run(&["config", "check", &scratch.path("all.toml")]);
    let told = text(&checked.stderr);
    let mut expected: Vec<String> = Vec::new();
    for (feature, is_built, places) in FEATURES {
        let lacks =
            |place: &&str| told.lines().any(|line| line.trim().starts_with(&format!("{place}: this build cannot")));
        assert!(places.iter().all(|place| lacks(place) != is_built), "{feature}: {told}");
        if !is_built {
            assert!(told.contains(&format!("--features {feature} (or full)")), "{told}");
            expected.extend(places.iter().map(|place| format!("{place}: ")));
        }
    }
    assert_eq!(checked.status.success(), expected.is_empty(), "{told}");
    let problems = told.lines().filter(|line| line.starts_with("  ")).count();
    assert_eq!(problems, expected.len(), "{told}");
    if !expected.is_empty() {
        let (data, file) = (scratch.path("data"), scratch.path("all.toml"));
        let refused = run(&["up", "--data", &data, "--config", &file, "--listen", "127.0.0.1:0"]);
        let refusal = text(&refused.stderr);
        assert!(!refused.status.success() && expected.iter().all(|place| refusal.contains(place)), "{refusal}");
    }
}

#[test]
fn the_version_names_the_features_that_are_built_in() {
    let told = text(&run(&["--version"]).stdout);
    let built: Vec<&str> = FEATURES.iter().filter(|(_, is_built, _)| *is_built).map(|(name, _, _)| *name).collect();
    let built = if built.is_empty() { "none".to_owned() } else { built.join(", ") };
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(told, format!("privyseal {version}\nfeatures: {built}\n"));
}

#[test]
fn a_log_filter_that_does_not_read_is_refused() {
    let refused = run(&["--log", "privyseal=loud", "config", "example"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).starts_with("privyseal: --log: "), "{}", text(&refused.stderr));
}

#[test]
fn a_key_file_that_others_may_read_is_refused() {
    let scratch = Scratch::with_instance();
    let path = scratch.path("data/key-file");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let refused = run(&["up", "--data", &scratch.path("data"), "--listen", "127.0.0.1:0"]);
    assert!(text(&refused.stderr).contains("chmod 600"), "{}", text(&refused.stderr));
}

#[test]
fn logs_without_their_instance_file_are_never_started_afresh() {
    let scratch = Scratch::with_instance();
    assert_eq!(scratch.up(&[]).terminate().0, Some(0));
    std::fs::remove_file(scratch.path("data/instance.toml")).unwrap();
    let refused = run(&["up", "--data", &scratch.path("data"), "--listen", "127.0.0.1:0"]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("holds no instance"), "{}", text(&refused.stderr));
}
