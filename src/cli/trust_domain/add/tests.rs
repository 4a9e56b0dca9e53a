use std::os::unix::fs::PermissionsExt;

use clap::Parser;
use tempfile::TempDir;

use super::*;
use crate::file::{Mode, write_durably};

const BEFORE: &str = "# Ours.\n[instance]\norigin = \"https://seal.example.com\" # here\n\n[api]\nadmins = []";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: AddTrustDomainArgs,
}

struct Workstation {
    folder: TempDir,
}

impl Workstation {
    fn new(configuration: &str) -> Self {
        let station = Self { folder: tempfile::tempdir().expect("a folder") };
        station.write("privyseal.toml", configuration);
        let bundle = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/spire");
            file::read(&Path::new(folder).join(format!("{name}-bundle-1.json")), 1 << 20).expect("a vector")
        };
        station.write("a.json", &bundle("alpha"));
        station.write("b.json", &bundle("beta"));
        station.write("empty.json", "{\"keys\": []}");
        station
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        write_durably(&self.path(name), text.as_bytes(), Mode::Public).expect("written");
    }

    fn configuration(&self) -> String {
        file::read(&self.path("privyseal.toml"), 1 << 20).expect("reads")
    }

    /// Runs the command in its folder's terms; `@name` is a file of the folder.
    async fn add(&self, words: &str) -> Result<(), String> {
        let words = words.split_whitespace().map(|word| match word.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => word.to_owned(),
        });
        let config = self.path("privyseal.toml").display().to_string();
        let given = ["add".to_owned(), "--config".to_owned(), config].into_iter();
        let line = Line::try_parse_from(given.chain(words)).map_err(|error| error.to_string())?;
        run(&line.args).await.map_err(|error| error.to_string())
    }
}

#[tokio::test]
async fn a_section_is_added_and_nothing_else_changes() {
    let station = Workstation::new(BEFORE);
    std::fs::set_permissions(station.path("privyseal.toml"), PermissionsExt::from_mode(0o640)).expect("set");
    station.add("alpha.test --file @a.json --dry-run").await.expect("good");
    assert_eq!(station.configuration(), BEFORE, "a dry run");
    station
        .add("alpha.test --file @a.json --grant spiffe://alpha.test/ci --grant spiffe://alpha.test/cd")
        .await
        .expect("good");
    station.add("beta.test --file @b.json").await.expect("good");
    let expected = format!(
        "{BEFORE}\n\n[[trust_domains]]\nname = \"alpha.test\"\nbundle = {{ file = \"a.json\" }}\n\
         grants = [{{ spiffe = \"spiffe://alpha.test/ci\" }}, {{ spiffe = \"spiffe://alpha.test/cd\" }}]\n\
         \n[[trust_domains]]\nname = \"beta.test\"\nbundle = {{ file = \"b.json\" }}\n\
         grants = [{{ spiffe = \"spiffe://beta.test\" }}]\n"
    );
    assert_eq!(station.configuration(), expected);
    let mode = std::fs::metadata(station.path("privyseal.toml")).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[tokio::test]
async fn what_is_wrong_changes_nothing_and_says_what() {
    let station = Workstation::new(BEFORE);
    station.add("alpha.test --file @a.json").await.expect("good");
    let before = station.configuration();
    for (words, expected) in [
        ("alpha.test --file @a.json", "already"),
        ("Beta.test --file @b.json", "lower"),
        ("beta.test", "required"),
        ("beta.test --file @b.json --https-web https://b.test/", "cannot be used with"),
        ("beta.test --https-spiffe https://b.test/", "--endpoint-id"),
        ("beta.test --https-spiffe https://b.test/ --endpoint-id spiffe://beta.test/spire/server", "bootstrap_file"),
        ("beta.test --https-web http://b.test/", "https"),
        (
            "beta.test --https-web https://127.0.0.1:1/ --danger-loopback",
            "certificate that the system or --ca-file trusts",
        ),
        ("beta.test --file @gone.json", "gone.json"),
        ("beta.test --file @b.json --grant spiffe://alpha.test/ci", "alpha.test"),
        ("beta.test --file @empty.json", "no key"),
        ("beta.test --file @privyseal.toml", "not acceptable JSON"),
        ("beta.test --map-file @b.json", "no object \"trust_domains\""),
        ("beta.test --workload-api", "spiffe.workload_api"),
        // The same keys are in the bundle of alpha.test.
        ("beta.test --file @a.json", "(rule B4)"),
    ] {
        let refused = station.add(words).await.expect_err(words);
        assert!(refused.contains(expected), "{words}: {expected:?} is not in {refused}");
        assert_eq!(station.configuration(), before, "{words}");
    }
    station.write("privyseal.toml", "trust_domains = []\n");
    station.add("beta.test --file @b.json").await.expect_err("the list is written out already");
    assert_eq!(station.configuration(), "trust_domains = []\n");
}

#[tokio::test]
async fn a_link_stays_a_link_and_paths_go_by_its_folder() {
    let station = Workstation::new("");
    std::fs::create_dir(station.path("elsewhere")).expect("made");
    std::fs::rename(station.path("privyseal.toml"), station.path("elsewhere/real.toml")).expect("moved");
    std::os::unix::fs::symlink("elsewhere/real.toml", station.path("privyseal.toml")).expect("linked");
    station.add("alpha.test --file @a.json").await.expect("good");
    assert!(station.path("privyseal.toml").is_symlink());
    assert!(station.configuration().starts_with("[[trust_domains]]\n"), "{}", station.configuration());
    assert!(station.configuration().contains("\"a.json\""), "{}", station.configuration());
}
