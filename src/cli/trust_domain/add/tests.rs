use std::os::unix::fs::PermissionsExt;

use clap::Parser;
use tempfile::TempDir;

use super::*;
use crate::file::{Mode, write_durably};

const BEFORE: &str = "# Ours.\n[instance]\norigin = \"https://seal.example.com\" # here\n\n[api]\nadmins = []";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: AddArgs,
}

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new(configuration: &str) -> Self {
        let desk = Self { folder: tempfile::tempdir().expect("a folder") };
        desk.write("privyseal.toml", configuration);
        let bundle = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/spire");
            file::read(&Path::new(folder).join(format!("{name}-bundle-1.json")), 1 << 20).expect("a vector")
        };
        desk.write("a.json", &bundle("alpha"));
        desk.write("b.json", &bundle("beta"));
        desk.write("empty.json", "{\"keys\": []}");
        desk
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
    let desk = Desk::new(BEFORE);
    std::fs::set_permissions(desk.path("privyseal.toml"), PermissionsExt::from_mode(0o640)).expect("set");
    desk.add("alpha.test --file @a.json --dry-run").await.expect("good");
    assert_eq!(desk.configuration(), BEFORE, "a dry run");
    desk.add("alpha.test --file @a.json --grant spiffe://alpha.test/ci --grant spiffe://alpha.test/cd")
        .await
        .expect("good");
    desk.add("beta.test --file @b.json").await.expect("good");
    let expected = format!(
        "{BEFORE}\n\n[[trust_domains]]\nname = \"alpha.test\"\nbundle = {{ file = \"a.json\" }}\n\
         grants = [{{ spiffe = \"spiffe://alpha.test/ci\" }}, {{ spiffe = \"spiffe://alpha.test/cd\" }}]\n\
         \n[[trust_domains]]\nname = \"beta.test\"\nbundle = {{ file = \"b.json\" }}\n\
         grants = [{{ spiffe = \"spiffe://beta.test\" }}]\n"
    );
    assert_eq!(desk.configuration(), expected);
    let mode = std::fs::metadata(desk.path("privyseal.toml")).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[tokio::test]
async fn what_is_wrong_changes_nothing_and_says_what() {
    let desk = Desk::new(BEFORE);
    desk.add("alpha.test --file @a.json").await.expect("good");
    let before = desk.configuration();
    for (words, told) in [
        ("alpha.test --file @a.json", "already"),
        ("Beta.test --file @b.json", "lower"),
        ("beta.test", "required"),
        ("beta.test --file @b.json --https-web https://b.test/", "cannot be used with"),
        ("beta.test --https-spiffe https://b.test/", "--endpoint-id"),
        ("beta.test --https-spiffe https://b.test/ --endpoint-id spiffe://beta.test/spire/server", "bootstrap_file"),
        ("beta.test --https-web http://b.test/", "https"),
        ("beta.test --https-web https://127.0.0.1:1/ --danger-loopback", "certificate one that the system trusts"),
        ("beta.test --file @gone.json", "gone.json"),
        ("beta.test --file @b.json --grant spiffe://alpha.test/ci", "alpha.test"),
        ("beta.test --file @empty.json", "no key"),
        ("beta.test --file @privyseal.toml", "not acceptable JSON"),
        ("beta.test --map-file @b.json", "no object \"trust_domains\""),
        ("beta.test --workload-api", "spiffe.workload_api"),
        // The same keys are in the bundle of alpha.test.
        ("beta.test --file @a.json", "(rule B4)"),
    ] {
        let refused = desk.add(words).await.expect_err(words);
        assert!(refused.contains(told), "{words}: {told:?} is not in {refused}");
        assert_eq!(desk.configuration(), before, "{words}");
    }
    desk.write("privyseal.toml", "trust_domains = []\n");
    desk.add("beta.test --file @b.json").await.expect_err("the list is written out already");
    assert_eq!(desk.configuration(), "trust_domains = []\n");
}

#[tokio::test]
async fn a_link_stays_a_link_and_paths_go_by_its_folder() {
    let desk = Desk::new("");
    std::fs::create_dir(desk.path("elsewhere")).expect("made");
    std::fs::rename(desk.path("privyseal.toml"), desk.path("elsewhere/real.toml")).expect("moved");
    std::os::unix::fs::symlink("elsewhere/real.toml", desk.path("privyseal.toml")).expect("linked");
    desk.add("alpha.test --file @a.json").await.expect("good");
    assert!(desk.path("privyseal.toml").is_symlink());
    assert!(desk.configuration().starts_with("[[trust_domains]]\n"), "{}", desk.configuration());
    assert!(desk.configuration().contains("\"a.json\""), "{}", desk.configuration());
}
