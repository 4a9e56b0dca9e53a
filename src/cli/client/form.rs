//! Just enough HTML to fill in the login page: the form with a password field, its action and its fields.

/// A form as a browser would submit it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Form {
    /// The `action` attribute, as written: it may be relative.
    pub(crate) action: String,
    /// Names and values of hidden fields and of the button that is pressed.
    pub(crate) fields: Vec<(String, String)>,
    /// The name of the field for the user's name.
    pub(crate) user: Option<String>,
    /// The name of the field for the password.
    pub(crate) password: Option<String>,
}

impl Form {
    /// The first POST form of `page` that asks for a password, or else the first POST form.
    pub(crate) fn find(page: &str) -> Option<Self> {
        let forms: Vec<Self> = forms(page).collect();
        forms.iter().find(|form| form.password.is_some()).or(forms.first()).cloned()
    }

    /// The fields with the user's name and password filled in.
    pub(crate) fn filled(mut self, user: &str, password: &str) -> Vec<(String, String)> {
        self.fields.extend(self.user.map(|name| (name, user.to_owned())));
        self.fields.extend(self.password.map(|name| (name, password.to_owned())));
        self.fields
    }
}

fn forms(page: &str) -> impl Iterator<Item = Form> + '_ {
    let parts = page.split("<form").skip(1).map(|part| part.split("</form").next().unwrap_or(part));
    parts.filter_map(|part| {
        let (head, body) = part.split_once('>')?;
        let is_post = attribute(head, "method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
        let mut form = Form { action: attribute(head, "action").unwrap_or_default(), ..Form::default() };
        for tag in body.split('<').filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag) {
            let is_button = tag.starts_with("button");
            if tag.starts_with("input") || is_button {
                form.add_field(tag, is_button);
            }
        }
        is_post.then_some(form)
    })
}

impl Form {
    fn add_field(&mut self, tag: &str, is_button: bool) {
        let Some(name) = attribute(tag, "name") else { return };
        let value = attribute(tag, "value").unwrap_or_default();
        match attribute(tag, "type").as_deref() {
            Some("password") => self.password = Some(name),
            Some("hidden") => self.fields.push((name, value)),
            Some("checkbox" | "radio" | "reset" | "button") => {}
            // Pressing the first button that has a name.
            Some("submit") => self.press(name, value),
            None if is_button => self.press(name, value),
            _ => self.user = self.user.take().or(Some(name)),
        }
    }

    fn press(&mut self, name: String, value: String) {
        if !self.fields.iter().any(|(other, _)| *other == name) {
            self.fields.push((name, value));
        }
    }
}

/// The value of an attribute within a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    loop {
        let at = rest.find(name)?;
        let is_whole = rest[..at].ends_with(|c: char| c.is_ascii_whitespace());
        let after = &rest[at + name.len()..];
        if let Some(value) = after.strip_prefix('=').filter(|_| is_whole) {
            let text = match value.chars().next()? {
                quote @ ('"' | '\'') => value[1..].split(quote).next()?,
                _ => value.split(|c: char| c.is_ascii_whitespace() || c == '/').next()?,
            };
            return Some(unescape(text));
        }
        rest = after;
    }
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        plain.push_str(before);
        let found = entity.split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        let (character, after) = found.unwrap_or(('&', entity));
        plain.push(character);
        rest = after;
    }
    plain + rest
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "apos" => Some('\''),
        "gt" => Some('>'),
        "lt" => Some('<'),
        "quot" => Some('"'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_with_a_password_is_found_and_filled_in() {
        let page = r#"<form method="get" action="/search"><input name="q"></form>
            <form id=a method=post action="/other"><button name="go" value="1">Go</button></form>
            <form class="login" method="POST" action="/oidc/login?a=1&amp;b=2">
              <input type="hidden" name="flow" value="a&#34;b&#x26;c"><input type='email' autocomplete=username name='login' value="">
              <input type="password" name="password"/><input type="checkbox" name="stay"><button type="submit">In</button>
            </form>"#;
        let form = Form::find(page).expect("a form");
        assert_eq!(form.action, "/oidc/login?a=1&b=2");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            form.filled("me@instance.example", "secret"),
            [pair("flow", "a\"b&c"), pair("login", "me@instance.example"), pair("password", "secret")]
        );
    }

    #[test]
    fn a_form_without_a_password_is_confirmed() {
        let page = r#"<form method=post action="/go"><button name="answer" value="yes">Yes</button>
            <button name="answer" value="no">No</button></form>"#;
        let form = Form::find(page).expect("a form");
        assert_eq!(form.filled("u", "p"), [("answer".to_owned(), "yes".to_owned())]);
        assert_eq!(Form::find("<p>nothing here</p>"), None);
    }
}
