//! What 0.1 left behind is opened as before: `tests/vectors/data-0.1`, made by the program of 0.1.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::serving::{Scratch, Serving, privyseal};

/// The origin that it was made with, which its trust documents and certificates say.
const ORIGIN: &str = "http://127.0.0.1:34065";
/// Who signed with it.
const SIGNER: &str = "alice@demo.privyseal.internal";

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/data-0.1")
}

fn vector(name: &str) -> String {
    vectors().join(name).to_str().unwrap().to_owned()
}

/// The data directory in a scratch place; a checkout keeps no modes but the executable bit.
fn copied() -> Scratch {
    let scratch = Scratch::new();
    copy(&vectors().join("data"), Path::new(&scratch.path("data")));
    scratch
}

fn copy(from: &Path, to: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir(to).unwrap();
    std::fs::set_permissions(to, PermissionsExt::from_mode(0o700)).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
            std::fs::set_permissions(&target, PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
}

/// Serves it with its configuration of 0.1; what it says on standard error comes at the end.
fn serve(scratch: &Scratch) -> Serving {
    std::fs::copy(vectors().join("seal.toml"), scratch.path("seal.toml")).unwrap();
    scratch.up_with(&["--config", &scratch.path("seal.toml")], Stdio::from(log(scratch)))
}

fn log(scratch: &Scratch) -> std::fs::File {
    std::fs::File::options().create(true).append(true).open(scratch.path("log")).unwrap()
}

fn logged(scratch: &Scratch) -> String {
    std::fs::read_to_string(scratch.path("log")).unwrap()
}

fn run(arguments: &[&str]) -> Output {
    privyseal().args(arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn verify(trusted_root: &str) -> Output {
    let (bundle, artifact, issuer) = (vector("bundle.sigstore.json"), vector("artifact.txt"), format!("{ORIGIN}/oidc"));
    let trust = ["verify", "--bundle", &bundle, "--trusted-root", trusted_root];
    run(&[&trust[..], &["--identity", SIGNER, "--issuer", &issuer, &artifact]].concat())
}

#[test]
fn a_data_directory_of_0_1_is_opened_and_goes_on() {
    let scratch = copied();
    let data = scratch.path("data");
    let before = run(&["audit", "verify", "--data", &data]);
    assert!(before.status.success(), "{}", told(&before));

    let serving = serve(&scratch);
    assert_eq!(serving.get("/trust/root.json"), std::fs::read(vectors().join("root.json")).unwrap());
    let trusted_root = scratch.path("trusted_root.json");
    std::fs::write(&trusted_root, serving.get("/trust/trusted_root.json")).unwrap();
    let verified = verify(&trusted_root);
    assert!(verified.status.success(), "{}", told(&verified));
    let configuration = String::from_utf8(serving.get("/oidc/.well-known/openid-configuration")).unwrap();
    assert!(configuration.contains(&format!("\"issuer\":\"{ORIGIN}/oidc\"")), "{configuration}");
    assert_eq!(serving.terminate().0, Some(0));

    let users = run(&["user", "list", "--data", &data]);
    assert!(told(&users).contains(SIGNER), "{}", told(&users));
    let after = run(&["audit", "verify", "--data", &data]);
    assert!(after.status.success(), "{}", told(&after));
    assert!(told(&after) != told(&before), "nothing was added to the logs:\n{}", told(&after));
}

#[test]
fn the_old_names_are_read_and_a_warning_says_what_to_rename() {
    let scratch = copied();
    assert_eq!(serve(&scratch).terminate().0, Some(0));
    let warned = logged(&scratch);
    assert!(warned.contains("house.toml") && warned.contains("rename it to instance.toml"), "{warned}");
    assert!(warned.contains("[house]") && warned.contains("rename it to [instance]"), "{warned}");
    assert!(std::fs::exists(scratch.path("data/house.toml")).unwrap(), "a name is for its owner to change");

    std::fs::rename(scratch.path("data/house.toml"), scratch.path("data/instance.toml")).unwrap();
    std::fs::remove_file(scratch.path("log")).unwrap();
    let serving = serve(&scratch);
    assert_eq!(serving.get("/trust/root.json"), std::fs::read(vectors().join("root.json")).unwrap());
    assert_eq!(serving.terminate().0, Some(0));
    assert!(!logged(&scratch).contains("house.toml"), "{}", logged(&scratch));
}

#[test]
fn two_names_for_one_thing_are_refused_unless_they_agree() {
    let scratch = copied();
    let (old, new) = (scratch.path("data/house.toml"), scratch.path("data/instance.toml"));
    std::fs::copy(&old, &new).unwrap();
    assert!(run(&["user", "list", "--data", &scratch.path("data")]).status.success());
    let text = std::fs::read_to_string(&old).unwrap();
    std::fs::write(&new, text.replace("h-9d90073c", "h-00000000")).unwrap();
    let refused = run(&["user", "list", "--data", &scratch.path("data")]);
    assert!(!refused.status.success() && told(&refused).contains("house.toml"), "{}", told(&refused));

    std::fs::write(scratch.path("both.toml"), "[house]\n[instance]\n").unwrap();
    let refused = run(&["config", "check", &scratch.path("both.toml")]);
    assert!(!refused.status.success() && told(&refused).contains("[house] and [instance]"), "{}", told(&refused));
}

#[test]
fn a_configuration_of_0_1_is_good_and_says_what_to_rename() {
    let checked = run(&["config", "check", &vector("seal.toml")]);
    assert!(checked.status.success(), "{}", told(&checked));
    assert!(told(&checked).contains("rename it to [instance]"), "{}", told(&checked));
}
