//! Files of cases (`n`, `kind`, `expect`, `case`, `rule`), each tried against the rule set.

use broker::namespace::vectors::{CaseDecision, try_case};

/// Where the columns of a file are.
struct Columns {
    n: usize,
    kind: usize,
    case: usize,
    expect: Option<usize>,
    rule: Option<usize>,
}

/// The outcome of one case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CaseResult {
    pub(crate) n: String,
    /// The rule that refused; none when it was accepted.
    pub(crate) refused_by: Option<String>,
    /// Why the file's expectation is not met, or why the case cannot be decided.
    pub(crate) complaint: Option<String>,
}

impl CaseResult {
    /// `n`, the verdict and the rule, tab-separated.
    pub(crate) fn line(&self) -> String {
        match &self.refused_by {
            None => format!("{}\tACCEPT\t", self.n),
            Some(rule) => format!("{}\tREJECT\t{rule}", self.n),
        }
    }
}

/// Tries every case of a file. Blank lines and lines that begin with `#` are none; line ends may be CRLF. The heading
/// names the columns in any order; without one they are known by their number.
pub(crate) fn try_all(text: &str) -> Vec<CaseResult> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut columns: Option<Columns> = None;
    let mut tried = Vec::new();
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split('\t').collect();
        if columns.is_none()
            && let Some(heading) = Columns::of_heading(&fields)
        {
            columns = Some(heading);
            continue;
        }
        let columns = columns.get_or_insert_with(|| Columns::of_case(&fields));
        tried.push(columns.try_line(&fields));
    }
    tried
}

impl Columns {
    fn of_heading(fields: &[&str]) -> Option<Self> {
        let at = |name: &str| fields.iter().position(|field| field.trim().eq_ignore_ascii_case(name));
        Some(Self { n: at("n")?, kind: at("kind")?, case: at("case")?, expect: at("expect"), rule: at("rule") })
    }

    /// Without a heading: `n kind expect case rule`, with `expect` and `rule` each there or not.
    fn of_case(fields: &[&str]) -> Self {
        let has_expect = fields.get(2).is_some_and(|field| matches!(*field, "ACCEPT" | "REJECT"));
        let case = if has_expect { 3 } else { 2 };
        Self { n: 0, kind: 1, case, expect: has_expect.then_some(2), rule: Some(case + 1) }
    }

    fn try_line(&self, fields: &[&str]) -> CaseResult {
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let n = field(self.n).trim().to_owned();
        let (refused_by, fault) = match try_case(field(self.kind).trim(), field(self.case)) {
            Ok(CaseDecision::Accept) => (None, None),
            Ok(CaseDecision::Reject(rule)) => (Some(rule.id().to_owned()), None),
            // What cannot be evaluated is not accepted.
            Err(error) => (Some(String::new()), Some(format!("case {n}: {error}"))),
        };
        let expect = self.expect.map(field).map(str::trim).filter(|expect| !expect.is_empty());
        let rule = self.rule.map(field).and_then(|rule| rule.split_whitespace().next());
        let complaint = fault.or_else(|| {
            let met = match (expect?, &refused_by) {
                ("ACCEPT", found) => found.is_none(),
                ("REJECT", Some(found)) => rule.is_none_or(|rule| rule == found),
                _ => false,
            };
            let found = refused_by.as_ref().map_or("ACCEPT".to_owned(), |rule| format!("REJECT {rule}"));
            (!met).then(|| {
                format!("case {n}: expected {} {}, found {found}", expect.unwrap_or_default(), rule.unwrap_or_default())
            })
        });
        CaseResult { n, refused_by, complaint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = include_str!("../../../tests/vectors/namespace-vectors.tsv");

    fn lines(text: &str) -> Vec<String> {
        try_all(text).iter().map(CaseResult::line).collect()
    }

    #[test]
    fn one_line_a_case_with_the_bare_rule() {
        let text = "n\tkind\texpect\tcase\trule\n2\tissreg\tACCEPT\thttps://idp.example.com\t\n\
                    7\tissreg\tREJECT\thttp://idp.example.com\tI1 https only\n";
        assert_eq!(lines(text), ["2\tACCEPT\t", "7\tREJECT\tI1"]);
        assert!(try_all(text).iter().all(|tried| tried.complaint.is_none()));
    }

    #[test]
    fn forms_that_editors_and_scripts_make() {
        let expected = ["2\tACCEPT\t", "7\tREJECT\tI1"];
        let (good, bad) = ("https://idp.example.com", "http://idp.example.com");
        for text in [
            format!("n\tkind\tcase\r\n2\tissreg\t{good}\r\n\r\n7\tissreg\t{bad}\r\n"),
            format!("\u{feff}# cases\nn\tkind\tcase\n\n# one\n2\tissreg\t{good}\n7\tissreg\t{bad}"),
            format!("case\tn\tkind\n{good}\t2\tissreg\n{bad}\t7\tissreg\n"),
            format!("2\tissreg\t{good}\n7\tissreg\t{bad}\n"),
            format!("2\tissreg\tACCEPT\t{good}\n7\tissreg\tREJECT\t{bad}\n"),
            format!("n\tkind\texpect\tcase\n2\tissreg\tACCEPT\t{good}\n7\tissreg\tREJECT\t{bad}\n"),
        ] {
            assert_eq!(lines(&text), expected, "{text:?}");
            assert!(try_all(&text).iter().all(|tried| tried.complaint.is_none()), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_met_is_complained_about() {
        let text = "n\tkind\texpect\tcase\trule\n1\tissreg\tREJECT\thttps://idp.example.com\tI1\n\
                    2\tissreg\tACCEPT\thttp://idp.example.com\t\n3\tissreg\tREJECT\thttp://idp.example.com\tH2\n\
                    4\twild\tREJECT\tx\tI1\n5\temail\tREJECT\tx\tE6\n";
        let tried = try_all(text);
        assert!(tried.iter().all(|tried| tried.complaint.is_some()), "{tried:?}");
        assert_eq!(tried[3].line(), "4\tREJECT\t", "what is not known is not let through");
    }

    /// Every case of the file has a line; only what the rule set does not know yet is reported.
    #[test]
    fn the_file_of_the_rule_set() {
        let tried = try_all(FILE);
        assert_eq!(tried.len(), 95);
        let complaints: Vec<&String> = tried.iter().filter_map(|tried| tried.complaint.as_ref()).collect();
        assert!(complaints.iter().all(|text| text.contains("not known") || text.contains(" D1,")), "{complaints:#?}");
    }
}
