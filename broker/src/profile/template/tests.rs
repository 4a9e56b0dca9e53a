use proptest::prelude::*;

use super::*;
use crate::names::Rule;

fn claims(json: &str) -> Claims {
    Claims::parse(json.as_bytes()).expect("strict JSON")
}

fn name(template: &str, json: &str) -> Result<String, ClaimError> {
    let template = NameTemplate::parse(template).expect("a template");
    template.render(&claims(json)).map(|name| name.to_string())
}

#[test]
fn claims_fill_their_places() {
    let json =
        r#"{"org":"acme","id":9007199254740993,"repo":"acme/app","ref":"a/b.yml@refs/heads/x:y","o":{"k/l":"deep"}}"#;
    for (template, wanted) in [
        ("https://ci.example/{org}/{id}", "https://ci.example/acme/9007199254740993"),
        ("https://ci.example/x-{org}.git", "https://ci.example/x-acme.git"),
        ("https://ci.example:8443/{+repo}/jobs/{id}", "https://ci.example:8443/acme/app/jobs/9007199254740993"),
        ("https://ci.example/{org}/{+ref}", "https://ci.example/acme/a/b.yml@refs/heads/x:y"),
        ("https://ci.example/{/o/k~1l}", "https://ci.example/deep"),
        ("https://ci.example/{org}/{+repo}:{id}", "https://ci.example/acme/acme/app:9007199254740993"),
    ] {
        assert_eq!(name(template, json).as_deref(), Ok(wanted), "{template}");
        assert_eq!(NameTemplate::parse(template).expect("a template").to_string(), template);
    }
}

#[test]
fn no_value_escapes_its_place() {
    let values = [
        "..", ".", "a/b", "../admin", "a/../b", "a?b", "a#b", "a%2fb", "%2e%2e", "a b", " a", "a\\tb", "a\\nb", "a@b",
        "a:b", "a\\\\b", "a\\u0000", "\\u00e9", "\\uff0e", "a|b", "{x}", "a[b", "<a>",
    ];
    for value in values {
        let json = format!(r#"{{"org":"{value}"}}"#);
        let refused = name("https://ci.example/{org}/end", &json);
        assert!(
            matches!(&refused, Err(error @ ClaimError::Place { .. }) if error.rule() == Rule::N1),
            "{value}: {refused:?}"
        );
    }
    for value in ["/a", "a/", "a//b", "..", "a/../b", "a/.", "a?b", "a#b", "a%2fb", "a b", "a@b", "a:b"] {
        let refused = name("https://ci.example/{+org}/end", &format!(r#"{{"org":"{value}"}}"#));
        assert!(matches!(refused, Err(ClaimError::Place { .. })), "{value}: {refused:?}");
    }
    assert_eq!(name("https://ci.example/{org}", r#"{"org":""}"#), Err(ClaimError::Empty("org".into())));
    assert_eq!(name("https://ci.example/{org}", "{}"), Err(ClaimError::Missing("org".into())));
    assert_eq!(name("https://ci.example/{org}", r#"{"org":["a"]}"#), Err(ClaimError::Type("org".into())));
    let long = format!(r#"{{"org":"{}"}}"#, "a".repeat(2048));
    assert_eq!(name("https://ci.example/{org}", &long), Err(ClaimError::TooLong));
}

#[test]
fn no_template_lets_a_claim_choose_the_host_or_two_readings() {
    let cases = [
        ("https://{host}/{org}", TemplateError::Authority),
        ("https://ci.example{org}/a", TemplateError::Authority),
        ("https://ci.example", TemplateError::Authority),
        ("https://CI.example/{org}", TemplateError::Authority),
        ("https://user@ci.example/{org}", TemplateError::Authority),
        ("http://ci.example/{org}", TemplateError::Authority),
        ("{org}", TemplateError::Authority),
        ("https://ci.example/fixed", TemplateError::Constant),
        ("https://ci.example/{org?}", TemplateError::Optional),
        ("https://ci.example/{org", TemplateError::Brace),
        ("https://ci.example/org}", TemplateError::Brace),
        ("https://ci.example/{}", TemplateError::Path(String::new())),
        ("https://ci.example/{+}", TemplateError::Path(String::new())),
        ("https://ci.example/{/a//b}", TemplateError::Path("/a//b".into())),
        ("https://ci.example/\u{e9}/{org}", TemplateError::Text),
    ];
    for (text, error) in cases {
        assert_eq!(NameTemplate::parse(text), Err(error), "{text}");
    }
    for ambiguous in ["https://ci.example/{a}{b}", "https://ci.example/{a}-{b}", "https://ci.example/{+a}/{+b}"] {
        assert!(matches!(NameTemplate::parse(ambiguous), Err(TemplateError::Ambiguous(_))), "{ambiguous}");
    }
    for no_name in [
        "https://ci.example/a//{org}",
        "https://ci.example/../{org}",
        "https://ci.example/{org}?x",
        "https://ci.example/%2e/{org}",
    ] {
        assert!(matches!(NameTemplate::parse(no_name), Err(TemplateError::Name(_))), "{no_name}");
    }
    assert_eq!(NameTemplate::parse(&"a".repeat(1025)), Err(TemplateError::TooLong(1025)));
}

#[test]
fn extensions_are_uris_or_texts() {
    let render =
        |template: &str, json: &str| ExtensionTemplate::parse(template).expect("a template").render(&claims(json));
    let text = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(render("{workflow}", r#"{"workflow":"Nächtlicher Bau #1"}"#), text("Nächtlicher Bau #1"));
    assert_eq!(render("refs/heads/{ref}", r#"{"ref":"fix/a#b"}"#), text("refs/heads/fix/a#b"));
    assert_eq!(render("https://x.example/{a}#{b}", r#"{"a":"1","b":"2"}"#), text("https://x.example/1#2"));
    assert_eq!(render("{environment?}", "{}"), Ok(None));
    assert_eq!(render("{environment?}", r#"{"environment":null}"#), Ok(None));
    assert_eq!(render("{environment?}", r#"{"environment":""}"#), Ok(None));
    assert_eq!(render("{environment}", r#"{"environment":""}"#), Err(ClaimError::Empty("environment".into())));
    assert!(matches!(render("{a}", r#"{"a":"x\ny"}"#), Err(ClaimError::Place { .. })));
    assert!(matches!(render("https://x.example/{a}", r#"{"a":"x?y"}"#), Err(ClaimError::Place { .. })));
    assert_eq!(ExtensionTemplate::parse("https://{host}/a"), Err(TemplateError::Authority));
}

#[test]
fn a_claim_below_a_host() {
    let template = NameTemplate::below("gitlab.example/", "uri");
    let render =
        |value: &str| template.render(&claims(&format!(r#"{{"uri":"{value}"}}"#))).map(|name| name.to_string());
    for good in ["gitlab.example/g/p//.gitlab-ci.yml@refs/heads/main", "gitlab.example/g/p/ci.yml@refs/tags/v1"] {
        assert_eq!(render(good).as_deref(), Ok(&*format!("https://{good}")));
    }
    for bad in [
        "gitlab.example",
        "gitlab.example/",
        "gitlab.example//g",
        "gitlab.example/g/",
        "gitlab.example/g//",
        "gitlab.example/g///x",
        "gitlab.example/g//p//x",
        "gitlab.example/g/../x",
        "gitlab.example/g//../x",
        "gitlab.example/g/p?x",
        "gitlab.example.evil.net/g/p",
        "evil.net/gitlab.example/g",
        "user@gitlab.example/g",
        "GITLAB.example/g",
    ] {
        assert!(matches!(render(bad), Err(ClaimError::Place { .. })), "{bad}: {:?}", render(bad));
    }
}

proptest! {
    /// One name, one set of claims: what a place takes can be read back from the name.
    #[test]
    fn different_claims_make_different_names(
        a in "[a-c/:@.-]{1,4}", b in "[a-c/:@.-]{1,4}", c in "[a-c/:@.-]{1,4}", d in "[a-c/:@.-]{1,4}",
    ) {
        let json = |one: &str, two: &str| claims(&format!(r#"{{"one":"{one}","two":"{two}"}}"#));
        for text in [
            "https://ci.example/{one}/{two}", "https://ci.example/{one}/{+two}", "https://ci.example/{+one}/x/{two}",
            "https://ci.example/{+one}:{two}", "https://ci.example/{one}@{two}",
        ] {
            let template = NameTemplate::parse(text).expect("a template");
            if let (Ok(first), Ok(second)) = (template.render(&json(&a, &b)), template.render(&json(&c, &d))) {
                prop_assert_eq!(first == second, (&a, &b) == (&c, &d), "{}: {} {}", text, first, second);
            }
        }
    }

    #[test]
    fn no_text_and_no_claim_panics(template in "(https://)?(a\\.b/)?[{}+?/a-c:@ -]{0,16}", value in "\\PC{0,12}") {
        let json = serde_json::json!({ "a": value, "b": value, "c": value }).to_string();
        if let Ok(template) = NameTemplate::parse(&template)
            && let Ok(name) = template.render(&claims(&json))
        {
            prop_assert_eq!(name.host(), "a.b");
            prop_assert_eq!(UriName::parse(name.as_str()), Ok(name.clone()));
        }
        if let Ok(template) = ExtensionTemplate::parse(&template) {
            let _ = template.render(&claims(&json));
        }
    }
}
