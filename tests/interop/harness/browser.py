#!/usr/bin/env python3
"""A browser without a screen, for the clients that open one: they find it as `xdg-open` on PATH or as $BROWSER.

It does what a person in front of a browser does: follows the redirects, keeps cookies, fills the login form that it finds, presses
the button, and ends at the client's loopback page or at a page that shows a code. It is as strict as the strictest browser:
`Secure` cookies do not travel over plain HTTP, and `form-action` of a page's Content-Security-Policy covers the redirects that
follow its form. Pages must work without script, because it has none.

    BROWSER_EMAIL, BROWSER_PASSWORD_FILE   who logs in
    BROWSER_CONNECTOR                      the way to log in to choose, where a page offers several
    BROWSER_CODE_FILE                      where a code that the last page shows is written
    BROWSER_LOG                            what it did, one line a step
"""

import html.parser
import http.cookiejar
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

MOST_PAGES = 10
# How a line of the log starts when the browser has given up.
STUCK = "stuck:"


class Stuck(Exception):
    """The page leads nowhere."""


class Form:
    def __init__(self, attributes):
        self.action = attributes.get("action") or ""
        self.method = (attributes.get("method") or "get").lower()
        self.inputs = []
        self.buttons = []

    def asks_for_a_password(self):
        return any(field.get("type") == "password" for field in self.inputs)

    def filled(self, email, password):
        """The form's fields as the browser sends them: hidden ones as they are, the others by what they ask for."""
        fields = []
        for field in self.inputs:
            name, kind = field.get("name"), (field.get("type") or "text").lower()
            if not name or kind in ("submit", "button", "reset", "image", "file"):
                continue
            if kind == "password":
                fields.append((name, password))
            elif kind in ("text", "email"):
                fields.append((name, email))
            elif kind in ("checkbox", "radio"):
                if "checked" in field:
                    fields.append((name, field.get("value") or "on"))
            else:
                fields.append((name, field.get("value") or ""))
        for button in self.buttons[:1]:
            if button.get("name"):
                fields.append((button["name"], button.get("value") or ""))
        return fields


class Page(html.parser.HTMLParser):
    """The forms and links of a page, and the code that it shows."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.links, self.code = [], [], ""
        self._form = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self._form = Form(attributes)
            self.forms.append(self._form)
        elif tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        elif tag == "input" and "readonly" in attributes and attributes.get("id") == "code":
            self.code = attributes.get("value") or ""
        elif tag == "input" and self._form:
            self._form.inputs.append(attributes)
            if attributes.get("type") == "submit":
                self._form.buttons.append(attributes)
        elif tag == "button" and self._form and attributes.get("type", "submit") == "submit":
            self._form.buttons.append(attributes)

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None


def form_action_sources(policy):
    for directive in (policy or "").split(";"):
        name, *sources = directive.split() or [""]
        if name == "form-action":
            return sources
    return None


def allows(sources, page, target):
    """Whether a `form-action` source list of `page` lets a form, or a redirect after it, reach `target` (CSP 3 §6.7.2)."""
    if sources is None:
        return True
    origin, wanted = urllib.parse.urlsplit(page), urllib.parse.urlsplit(target)
    for source in sources:
        if source == "'self'":
            if (origin.scheme, origin.netloc) == (wanted.scheme, wanted.netloc):
                return True
        elif source == "*" or source == wanted.scheme + ":":
            return True
        elif "://" in source:
            pattern = urllib.parse.urlsplit(source)
            host, _, port = pattern.netloc.partition(":")
            if pattern.scheme == wanted.scheme and host == wanted.hostname:
                if port in ("*", str(wanted.port or "")):
                    return True
    return False


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects one by one, so that each can be checked and written down."""

    def __init__(self, browser):
        self.browser = browser

    def redirect_request(self, request, response, code, message, headers, target):
        self.browser.note(f"{code} to {target}")
        self.browser.check_form_action(target)
        # urllib answers None, an error here, to a 307 or 308 after a POST: those would hand the password to the next host
        # (RFC 9700 §4.12).
        return super().redirect_request(request, response, code, message, headers, target)


class Browser:
    def __init__(self, email, password, connector, log=None):
        self.email, self.password, self.connector = email, password, connector
        self.log = log
        self.form_page, self.form_sources = "", None
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies, Redirects(self))
        self.opener.addheaders = [("User-Agent", "interop-browser"), ("Accept", "text/html,*/*;q=0.8")]

    def note(self, line):
        if self.log:
            with open(self.log, "a", encoding="utf-8") as log:
                log.write(line + "\n")

    def check_form_action(self, target):
        if not allows(self.form_sources, self.form_page, target):
            raise Stuck(f"form-action {' '.join(self.form_sources)} of {self.form_page} forbids {target}")

    def open(self, target, fields=None, origin=None):
        body = urllib.parse.urlencode(fields).encode() if fields is not None else None
        request = urllib.request.Request(target, data=body)
        if origin:
            request.add_header("Origin", origin)
        self.note(f"{request.get_method()} {target}")
        try:
            with self.opener.open(request, timeout=30) as response:
                text = response.read().decode("utf-8", "replace")
                return response.geturl(), Page(text), response.headers.get("Content-Security-Policy")
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            raise Stuck(f"{error.code} at {error.geturl()}: {text[:2000]}") from error

    def submit(self, at, form, policy):
        target = urllib.parse.urljoin(at, form.action)
        fields = form.filled(self.email, self.password)
        self.form_page, self.form_sources = at, form_action_sources(policy)
        self.check_form_action(target)
        if form.method == "post":
            parts = urllib.parse.urlsplit(at)
            return self.open(target, fields, f"{parts.scheme}://{parts.netloc}")
        return self.open(target.partition("?")[0] + "?" + urllib.parse.urlencode(fields))

    def choose(self, page):
        """The link to the wanted way to log in, where the page offers several."""
        return next((link for link in page.links if f"/{self.connector}?" in link), None)

    def visit(self, target):
        """Opens `target` and goes on until a page asks for nothing more. Answers the code that the last page shows, if any."""
        at, page, policy = self.open(target)
        logged_in = False
        for _ in range(MOST_PAGES):
            link = self.choose(page)
            asking = [form for form in page.forms if form.asks_for_a_password()]
            if link:
                self.form_sources = None
                at, page, policy = self.open(urllib.parse.urljoin(at, link))
            elif asking and logged_in:
                raise Stuck(f"asked for the password again at {at}")
            elif asking or page.forms:
                logged_in = logged_in or bool(asking)
                at, page, policy = self.submit(at, (asking or page.forms)[0], policy)
            else:
                self.note(f"done at {at}")
                return page.code
        raise Stuck(f"still asked for something after {MOST_PAGES} pages, at {at}")


def main():
    # As the real `xdg-open` does, return while the page loads: cosign waits for this program before it answers at its callback.
    if os.fork():
        os._exit(0)
    environment = os.environ
    with open(environment["BROWSER_PASSWORD_FILE"], encoding="utf-8") as file:
        password = file.read().strip()
    browser = Browser(
        environment["BROWSER_EMAIL"], password, environment["BROWSER_CONNECTOR"], environment.get("BROWSER_LOG")
    )
    try:
        code = browser.visit(sys.argv[1])
    except (Stuck, OSError) as error:
        browser.note(f"{STUCK} {error}")
        return
    if code and environment.get("BROWSER_CODE_FILE"):
        with open(environment["BROWSER_CODE_FILE"], "w", encoding="utf-8") as file:
            file.write(code)


if __name__ == "__main__":
    main()
