"""The clock guard: no token ever carries a time that is further from the true one than its accuracy says, and where that cannot be
promised the answer is timeNotAvailable. True time is this process's clock."""

import datetime
import json
import re
import signal
import threading
import time
from pathlib import Path

from harness.case import Failed, case, expect
from harness.environment import free_port, make_authority
from harness.time_servers import Chrony, FakeClock, Liar
from harness.timestamp import QUERY, REPLY, Timestamp
from harness.web import http

# Far above what any state takes to come; a machine that runs much else is slow.
PATIENCE = 60
ACCURACY = 1.0
NO_TIME = "the TSA's time source is not available"

SECTION = """
[time]
mode = "{mode}"
threshold_ms = 400
poll_seconds = 1
expire_seconds = {expire}
good_polls = 2
kernel_synchronized = false
"""


def plain(port):
    return f"""
[[time.sources]]
host = "127.0.0.1"
port = {port}
danger_unauthenticated = true
danger_loopback = true
"""


def authenticated(port, authority):
    return f"""
[[time.sources]]
host = "127.0.0.1"
port = {port}
ca_file = "{authority}"
danger_loopback = true
"""


class Watched:
    """An instance, its time sources, and every token that it gave."""

    def __init__(self, env, name, sources, mode="enforce", fake=False, expire=20):
        (env.folder / "clock").mkdir(exist_ok=True)
        self.clock = FakeClock(env.cache, env.folder / "clock") if fake else None
        config = SECTION.format(mode=mode, expire=expire) + "".join(sources) + "\n[log]\nserve_audit = true\n"
        variables = self.clock.variables if fake else None
        if isinstance(fake, str):
            self.clock.set(fake)
        self.instance = env.build_instance(f"clock-{name}", config, variables=variables)
        self.workstation, self.tokens, self.refusals = env.workstation(self.instance, []), 0, 0
        self.stamp = Timestamp(self.workstation, env.artifact)

    def readiness(self):
        answer = self.instance.get("/readyz")
        return answer.status, json.loads(answer.body)

    def ask(self, stamp=None, since=None):
        """Asks for a token. One that comes is held against true time; a refusal must be timeNotAvailable. True if one came. `since`
        answers, afterwards, when the instance can have begun with it; without it, when it was asked."""
        stamp, before = stamp or self.stamp, time.time()
        answer = http(f"{self.instance.origin}/tsa", stamp.query_file.read_bytes(), QUERY)
        after = time.time()
        before = since() if since else before
        expect(answer.status == 200 and answer.headers.get("Content-Type") == REPLY, f"{answer.status}: {answer.body[:300]}")
        stamp.reply_file.write_bytes(answer.body)
        text = stamp.text()
        if "Status: Granted." not in text:
            expect("Status: Rejected." in text and NO_TIME in text, text)
            self.refusals += 1
            return False
        said = re.search(r"Time stamp: (.*) GMT", text)[1]
        written = datetime.datetime.strptime(said, "%b %d %H:%M:%S %Y").replace(tzinfo=datetime.timezone.utc).timestamp()
        expect(re.search(r"Accuracy: 0x01 seconds, unspecified millis", text), text)
        within = before - ACCURACY <= written <= after + ACCURACY
        expect(within, f"a token says {written}, and it was between {before} and {after}\n{self.readiness()}")
        self.tokens += 1
        return True

    def until(self, grants, seconds=PATIENCE):
        """Asks until the answer is of this kind; each answer on the way is checked."""
        deadline = time.monotonic() + seconds
        while self.ask() != grants:
            if time.monotonic() > deadline:
                raise Failed(f"still {'no ' if grants else ''}tokens after {seconds} s\n{self.readiness()}")
            time.sleep(0.1)

    def steadily(self, grants, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            expect(self.ask() == grants, f"{'a refusal' if grants else 'a token'} in between\n{self.readiness()}")
            time.sleep(0.1)

    def expect_ready(self, is_ready):
        status, body = self.readiness()
        expect((status == 200) == is_ready and body["time"]["trusted"] == is_ready, f"{status} {body}")

    def events(self):
        """The kinds of clock events in the audit log, as it is published."""
        self.instance.stop()
        folder = self.instance.data / "log" / "audit"
        text = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
        return re.findall(rb'"type":"clock","at_ms":\d+,"mode":"[a-z]+","event":\{"kind":"([a-z-]+)"', text)

    def expect_events(self, *kinds):
        seen = {kind.decode() for kind in self.events()}
        expect(set(kinds) <= seen, f"not in the audit log: {set(kinds) - seen}; there are {sorted(seen)}")


def liars(env, count=4):
    made = [Liar() for _ in range(count)]
    env.running.extend(made)
    return made


def with_liars(env, name, **options):
    four = liars(env)
    watched = Watched(env, name, [plain(liar.port) for liar in four], **options)
    watched.until(True)
    watched.expect_ready(True)
    return watched, four


@case("clock: chronyd by network time security bears the clock out, and nothing goes without it")
def chrony(env):
    folder = env.folder / "chrony"
    folder.mkdir()
    make_authority(folder)
    servers = []
    for number in range(4):
        words = (folder / "tls.crt", folder / "tls.key", free_port(), free_port())
        servers.append(Chrony(env.cache, folder / str(number), *words))
    env.running.extend(servers)
    sources = [authenticated(server.nts_port, folder / "ca.crt") for server in servers]
    watched = Watched(env, "chrony", sources)
    watched.until(True)
    status, body = watched.readiness()
    counted = [source for source in body["time"]["sources"] if source["counts"] and source["authenticated"]]
    expect(status == 200 and len(counted) >= 3, f"{status} {body}")
    watched.stamp.must_verify(watched.instance.data / "certificates/root-ca.pem")
    # More questions than the eight cookies of a key establishment: answers must have brought new ones.
    watched.steadily(True, 12)
    for server in servers:
        server.stop()
    watched.until(False)
    watched.expect_ready(False)
    for server in servers:
        server.start()
    watched.until(True)
    watched.expect_events(
        "started", "source-gained", "quorum-held", "refusal-began", "refusal-ended", "source-lost", "quorum-lost"
    )


@case("clock: chronyd with a certificate of an authority that is not trusted is not believed")
def wrong_authority(env):
    ours, theirs = env.folder / "chrony-ours", env.folder / "chrony-theirs"
    for folder in (ours, theirs):
        folder.mkdir()
        make_authority(folder)
    server = Chrony(env.cache, theirs / "server", theirs / "tls.crt", theirs / "tls.key", free_port(), free_port())
    env.running.append(server)
    three = liars(env, 3)
    sources = [plain(liar.port) for liar in three] + [authenticated(server.nts_port, ours / "ca.crt")]
    watched = Watched(env, "authority", sources)
    watched.until(True)
    _, body = watched.readiness()
    expect([source["counts"] for source in body["time"]["sources"]] == [True, True, True, False], body)


@case("clock: one liar among four is outvoted")
def one_liar(env):
    watched, four = with_liars(env, "one-liar")
    for ahead in (3600, -3600, 0.7, 1e9):
        four[0].ahead = ahead
        watched.steadily(True, 3)
    watched.expect_events("source-lost")


@case("clock: two liars among four stop timestamps, and honesty resumes them")
def two_liars(env):
    watched, four = with_liars(env, "two-liars")
    four[0].ahead = four[1].ahead = 3600
    watched.until(False)
    watched.expect_ready(False)
    watched.steadily(False, 3)
    four[0].ahead = four[1].ahead = 0
    watched.until(True)
    watched.expect_events("quorum-lost", "refusal-began", "refusal-ended")


@case("clock: with all sources gone timestamps stop when the last answers are too old")
def all_gone(env):
    watched, four = with_liars(env, "all-gone")
    for liar in four:
        liar.is_silent = True
    watched.until(False)
    watched.expect_ready(False)
    for liar in four:
        liar.is_silent = False
    watched.until(True)


@case("clock: sources that deny service are not asked again")
def denied(env):
    watched, four = with_liars(env, "denied")
    four[3].kiss = b"DENY"
    deadline = time.monotonic() + PATIENCE
    asked, since = four[3].asked, time.monotonic()
    while time.monotonic() - since < 5:
        expect(time.monotonic() < deadline, "it is still asked")
        time.sleep(0.5)
        if four[3].asked != asked:
            asked, since = four[3].asked, time.monotonic()
    watched.steadily(True, 1)


@case("clock: stepped an hour forward and back, as date -s does")
def stepped(env):
    watched, _ = with_liars(env, "stepped", fake=True)
    for step in ("+3600", "+0", "-3600", "+0", "+0.9", "+0"):
        watched.clock.set(step)
        watched.until(step == "+0")
        if step != "+0":
            watched.expect_ready(False)
            watched.steadily(False, 3)
    expect(watched.refusals > 10 and watched.tokens >= 4, f"{watched.refusals} refusals, {watched.tokens} tokens")
    watched.expect_events("stepped", "refusal-began", "refusal-ended")


@case("clock: a slow drift stops timestamps before it shows in one")
def drift(env):
    watched, _ = with_liars(env, "drift", fake=True)
    # Two per cent: half a second in 25 s.
    watched.clock.set("+0 x1.02")
    watched.until(False)
    watched.steadily(False, 3)


@case("clock: a machine that stood still while time went on, as a paused virtual one")
def paused(env):
    watched, four = with_liars(env, "paused")
    # Seen from the machine, the others jump. Its own clocks cannot tell it, so until the next poll it does not know: true time is
    # moved only as far as those who ask see it.
    for liar in four:
        liar.ahead = 3600
    deadline = time.monotonic() + PATIENCE
    while watched.readiness()[0] == 200:
        expect(time.monotonic() < deadline, "it goes on with a clock that is an hour behind")
        time.sleep(0.1)
    watched.steadily(False, 3)
    for liar in four:
        liar.ahead = 0
    watched.until(True)


class Asker(threading.Thread):
    """A client of its own, which asks once or until it is stopped. Every answer is checked."""

    def __init__(self, watched, env, since=None):
        super().__init__(daemon=True)
        self.watched, self.since, self.goes_on, self.granted, self.fault = watched, since, since is None, [], None
        self.stamp = Timestamp(env.workstation(watched.instance, []), env.artifact)
        self.start()

    def run(self):
        try:
            self.granted.append(self.watched.ask(self.stamp, self.since))
            while self.goes_on:
                self.granted.append(self.watched.ask(self.stamp))
        except Exception as fault:
            self.fault = fault

    def end(self):
        """What it was answered, each time."""
        self.goes_on = False
        self.join(PATIENCE)
        if self.fault:
            raise self.fault
        expect(not self.is_alive(), "no answer")
        return self.granted


def suspend(env, watched, seconds, on_waking=lambda: None):
    """Stops the instance in the middle of its work, as a machine does that is suspended, and wakes it. Answers what
    those heard who asked while it slept: their tokens cannot be older than the waking."""
    process, woken = watched.instance.process, None
    busy = [Asker(watched, env) for _ in range(2)]
    time.sleep(0.5)
    process.send_signal(signal.SIGSTOP)
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        expect(time.monotonic() < deadline, "it does not stop")
        time.sleep(0.01)
    waiting = [Asker(watched, env, since=lambda: woken) for _ in range(4)]
    time.sleep(seconds)
    on_waking()
    woken = time.time()
    process.send_signal(signal.SIGCONT)
    heard = [granted for asker in waiting for granted in asker.end()]
    for asker in busy:
        asker.end()
    return heard


@case("clock: a suspended machine whose clock went on goes on with right times")
def suspended(env):
    watched, _ = with_liars(env, "suspended", fake=True)
    for seconds in (1, 5):
        expect(all(suspend(env, watched, seconds)), f"a refusal on waking\n{watched.readiness()}")
        watched.steadily(True, 2)
    watched.expect_ready(True)


@case("clock: a suspended machine that wakes with a wrong clock gives no time until it is right")
def suspended_wrongly(env):
    watched, _ = with_liars(env, "suspended-wrongly", fake=True)
    for step in ("+3600", "-3600", "+0.9"):
        heard = suspend(env, watched, 3, lambda step=step: watched.clock.set(step))
        expect(not any(heard), f"a token on waking with {step}\n{watched.readiness()}")
        watched.expect_ready(False)
        watched.steadily(False, 3)
        # Put right, as by the program that keeps the machine's clock: nobody restarts the instance.
        watched.clock.set("+0")
        watched.until(True)
    watched.expect_events("stepped", "refusal-began", "refusal-ended")


@case("clock: a machine suspended for longer than answers count gives no time until the sources have answered again")
def suspended_for_long(env):
    watched, four = with_liars(env, "suspended-long", fake=True, expire=6)

    def silence(is_silent):
        for liar in four:
            liar.is_silent = is_silent

    heard = suspend(env, watched, 8, lambda: silence(True))
    expect(not any(heard), f"a token on waking\n{watched.readiness()}")
    watched.expect_ready(False)
    watched.steadily(False, 3)
    silence(False)
    watched.until(True)
    # And with a wrong clock besides.
    expect(not any(suspend(env, watched, 8, lambda: watched.clock.set("-3600"))), "a token on waking")
    watched.steadily(False, 3)
    watched.clock.set("+0")
    watched.until(True)
    watched.expect_events("stepped", "quorum-lost", "refusal-began", "refusal-ended")


@case("clock: a restored snapshot, whose clock is behind what was signed, gives no time until it has caught up")
def rollback(env):
    # Founded yesterday, so that its certificates reach back.
    watched = Watched(env, "rollback", [], mode="local", fake="-86400")
    watched.instance.stop()
    watched.clock.set("+0")
    watched.instance.start()
    watched.until(True)
    watched.instance.stop()
    expect((watched.instance.data / "high-water-mark").exists(), "no high-water mark was kept")
    watched.clock.set("-3600")
    watched.instance.start()
    watched.until(False)
    watched.expect_ready(False)
    watched.steadily(False, 2)
    expect("behind a time that was already signed" in str(watched.readiness()), watched.readiness())
    watched.clock.set("+0")
    watched.until(True)


@case("clock: monitor tells what enforce would refuse, and goes on")
def monitor(env):
    watched, four = with_liars(env, "monitor", mode="monitor")
    for liar in four:
        liar.is_silent = True
    deadline = time.monotonic() + PATIENCE
    while not watched.readiness()[1]["time"]["enforce_would_say"]:
        expect(time.monotonic() < deadline, "it does not tell")
        watched.ask()
        time.sleep(0.2)
    watched.steadily(True, 2)
    watched.expect_ready(True)
