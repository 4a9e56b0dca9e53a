"""Our verdicts on SPIFFE's documents beside those of go-spiffe and java-spiffe, by the ids of the SPIFFE conformance
suite. Who differs from what the specifications want stands in a table with the reason; so where two verifiers differ,
one of them stands there."""

import functools

from harness.case import case, expect
from harness.conformance import AUDIENCE, EVERYBODY, MOST_SVID_SECONDS, MOST_TOKEN_SECONDS, Conformance
from harness.spiffe import go_spiffe, java_spiffe
from harness.workloads import Workloads, trust_domain

# Ids, whose verdict differs from the wanted one, and why.
DIFFERENCES = [
    # We differ.
    ("JV-9", "privyseal", "stricter: one audience alone (rule T3), so that nobody else who holds the token can use it here; JWT-SVID §3.2 recommends it"),
    ("DX-4/client", "privyseal", "laxer: of the two that X509-SVID §4.4 wants of issuers, clientAuth is what a client needs"),
    ("DB-4/keys-null/document", "privyseal", "laxer: null, which Go writes for a list without elements, is taken as none, so that a withdrawal is one"),
    ("DX-15", "privyseal", "stricter: rustls-webpki fails closed on any name constraint over URIs, as X509-SVID §4.2 tells of libraries"),
    # Both others.
    ("JV-22", "go-spiffe java-spiffe", "stricter: no token without kid, which JWT-SVID §2.2 makes optional (as WIT-SVID's appendix C tells of implementations)"),
    ("DJ-3/jku DJ-3/unknown", "go-spiffe java-spiffe", "laxer: header members beyond the closed set of JWT-SVID §2"),
    ("DJ-4 XV-14", "go-spiffe java-spiffe", "laxer: the name of a trust domain as that of a workload (X509-SVID §5.2, JWT-SVID §3.1)"),
    ("DJ-5/fraction", "go-spiffe java-spiffe", "laxer: exp with a fraction, which RFC 7519 §2 allows and JWT-SVID's schema does not"),
    ("DJ-7 DX-10", "go-spiffe java-spiffe", "laxer: the caps on lifetimes are our configuration's"),
    ("DJ-9/by-it", "go-spiffe java-spiffe", "laxer: RSA of less than 2048 bits, which RFC 7518 §3.3 forbids"),
    ("DJ-10", "go-spiffe java-spiffe", "laxer: no cap on the length of an ID, of which SPIFFE-ID §2.3 says only what must be supported"),
    ("DX-1 DX-2", "go-spiffe java-spiffe", "laxer: a leaf that must not sign (X509-SVID §4.3 wants digitalSignature)"),
    ("DX-14", "go-spiffe java-spiffe", "laxer: key usage that is not critical (X509-SVID §4.3)"),
    ("DX-3 DX-4/server DX-4/client", "go-spiffe java-spiffe", "laxer: any extended key usage; a code signing certificate of a shared root passes for a workload"),
    ("DB-2/document DB-2/beside", "go-spiffe java-spiffe", "stricter: a key without kid costs the whole bundle; no clause"),
    ("DB-3/broken-x5c/document DB-3/broken-x5c/beside", "go-spiffe java-spiffe", "stricter: an authority that is no certificate costs the whole bundle; no clause"),
    ("DB-7/document", "go-spiffe java-spiffe", "laxer: of two keys with one kid the last counts; no clause"),
    # go-spiffe alone.
    ("JB-5/x509-svid-use/document JB-5/x509-svid-use/beside", "go-spiffe", "stricter: an X.509 entry without x5c costs the whole bundle, against X509-SVID §6.2"),
    ("DB-3/no-x5c/document DB-3/no-x5c/beside", "go-spiffe", "as above"),
    ("DB-3/empty-x5c/document DB-3/empty-x5c/beside", "go-spiffe", "as above"),
    ("DB-3/two-x5c/document DB-3/two-x5c/first", "go-spiffe", "stricter: x5c of two costs the whole bundle, where X509-SVID §6.2 takes the first"),
    ("JB-6/document JB-6/before JB-6/after", "go-spiffe", "stricter: a key of an unknown kty costs the whole bundle, against Trust Domain and Bundle §4.2.1"),
    ("DB-5/duplicate-member/document", "go-spiffe", "laxer: of two members `keys` the last counts; RFC 8259 §4 leaves it open"),
    # java-spiffe alone.
    ("JV-13", "java-spiffe", "laxer: nbf is not read, against RFC 7519 §4.1.5"),
    ("DJ-6", "java-spiffe", "laxer: iat is not compared with the clock; no clause"),
    ("JV-25/bad-base64 DJ-13", "java-spiffe", "laxer: its decoder skips octets outside the alphabet, against RFC 7515 §2"),
    ("DJ-1/upper-trust-domain DJ-1/upper-scheme DX-11", "java-spiffe", "laxer: it writes a name in upper case small instead of refusing it (SPIFFE-ID §2.1 against §2.4)"),
    ("XV-8 XV-9 XV-10 DX-9", "java-spiffe", "laxer: of a peer's leaf it checks neither cA nor key usage, against X509-SVID §5.2"),
    ("DX-5", "java-spiffe", "laxer: it counts SPIFFE IDs, where X509-SVID §2 counts URIs"),
    ("DX-13", "java-spiffe", "stricter: all certificates must be links of the chain, in order"),
    ("JV-5/document JV-5/beside", "java-spiffe", "stricter: an Ed25519 key costs the whole bundle"),
    ("DB-5/byte-order-mark/document", "java-spiffe", "laxer: RFC 8259 §8.1 lets a reader skip a byte order mark"),
    ("DB-6/sequence-string/document DB-6/sequence-fraction/document DB-6/sequence-negative/document", "java-spiffe", "laxer: it does not read spiffe_sequence"),
    ("DB-9/document DB-9/by-it", "java-spiffe", "laxer: an authority beside another key in its entry, against RFC 7517 §4.7"),
]  # fmt: skip


def listed():
    table = {}
    for ids, verifiers, reason in DIFFERENCES:
        for id in ids.split():
            for verifier in verifiers.split():
                expect((id, verifier) not in table, f"{verifier} stands there twice for {id}")
                table[id, verifier] = reason
    return table


class Panel:
    """All verifiers, and what each said of each probe."""

    def __init__(self, env):
        self.shown, self.folder = Conformance(), env.folder / "spiffe"
        self.folder.mkdir()
        self.said = {verifier: {} for verifier in EVERYBODY}
        for name in self.shown.first:
            self.bundle_file(name).write_bytes(self.shown.document(name))
        questions = [self.question(probe) for probe in self.shown.probes]
        for verifier, program in (("go-spiffe", go_spiffe(env.cache)), ("java-spiffe", java_spiffe(env.cache))):
            answers = program.ask_all(questions)
            self.said[verifier] = {probe.id: said for probe, said in zip(self.shown.probes, answers)}
        self.ask_instance(env)

    def bundle_file(self, name):
        return self.folder / f"{name}.json"

    def question(self, probe):
        bundles = ",".join(f"{name}={self.bundle_file(name)}" for name in probe.domains)
        if probe.kind == "jwt":
            return ["jwt", bundles, AUDIENCE, probe.shown]
        if probe.kind == "x509":
            file = self.folder / f"{probe.id.replace('/', '-')}.pem"
            file.write_bytes(probe.shown.certificates())
            return ["x509", bundles, file]
        return ["bundle", probe.domains[0], self.bundle_file(probe.domains[0])]

    def ask_instance(self, env):
        """The instance has the first documents when it starts, and is asked after the others have come."""
        for name, document in self.shown.first.items():
            self.bundle_file(name).write_bytes(document)
        settings = {"accept": ["jwt", "x509"], "audience": AUDIENCE}
        settings |= {"max_token_seconds": MOST_TOKEN_SECONDS, "max_svid_seconds": MOST_SVID_SECONDS}
        sections = [trust_domain(name, {"file": self.bundle_file(name)}, **settings) for name in self.shown.first]
        self.workloads = Workloads(env, "conformance", "".join(sections))
        self.held_first = {name: self.has_first(name) for name in self.shown.then}
        for name, document in self.shown.then.items():
            self.bundle_file(name).write_bytes(document)
            self.workloads.refresh(name)
        for probe in self.shown.probes:
            try:
                self.said["privyseal"][probe.id] = self.own_verdict(probe)
            except Exception as error:  # the finding of this id's case, and of no other
                self.said["privyseal"][probe.id] = error

    def has_first(self, name):
        """Whether the key of the first document counts."""
        spiffe_id = f"spiffe://{name}/first"
        return self.workloads.by_token(self.shown.firsts_own[name].token(spiffe_id, AUDIENCE), spiffe_id)["accepted"]

    def own_verdict(self, probe):
        if probe.kind == "jwt":
            return self.workloads.by_token(probe.shown, probe.spiffe_id)
        if probe.kind == "x509":
            return self.workloads.by_svid(probe.shown, probe.spiffe_id)
        return {"accepted": not self.has_first(probe.domains[0])}


@functools.lru_cache
def panel(env):
    return Panel(env)


def declare(probe):
    @case(f"spiffe: {probe.id}, {probe.what}")
    def evaluated(env):
        here, reasons, findings = panel(env), listed(), []
        for verifier in probe.verifiers:
            said = here.said[verifier][probe.id]
            if isinstance(said, Exception):
                raise said
            differs, reason = said["accepted"] != probe.wanted, reasons.get((probe.id, verifier))
            if differs and not reason:
                findings.append(f"{verifier} should {'take' if probe.wanted else 'refuse'} it, and says {said}")
            if reason and not differs:
                findings.append(f"{verifier} does not differ any more: {reason}")
            if said["accepted"] and probe.wanted and probe.kind != "document" and said["spiffe_id"] != probe.spiffe_id:
                findings.append(f"{verifier} reads another name: {said}")
        expect(not findings, "\n".join(findings))
        first = [name for name in probe.domains if not here.held_first.get(name, True)]
        expect(not first, f"the instance did not take the first documents of {first}")


SHOWN = Conformance().probes
for each in SHOWN:
    declare(each)


@case("spiffe: every difference in the table is one of something that is shown")
def no_stale_difference(_):
    known = {(probe.id, verifier) for probe in SHOWN for verifier in probe.verifiers}
    stale = listed().keys() - known
    expect(not stale, f"{stale}")


@case("spiffe: the certificates of a trust domain name it as their issuer")
def issuer_label(env):
    said = [said for said in panel(env).said["privyseal"].values() if isinstance(said, dict) and said.get("spiffe_id")]
    expect(len(said) > 20, f"only {len(said)} certificates")
    for one in said:
        expect(one["spiffe_id"].startswith(one["issuer"] + "/"), f"{one}")


@case("spiffe: go-spiffe and java-spiffe read the same keys in every bundle that both take")
def same_keys(env):
    here, compared = panel(env), 0
    questions = [["bundle", name, here.folder / f"{name}.first"] for name in here.shown.first]
    for name, document in here.shown.first.items():
        (here.folder / f"{name}.first").write_bytes(document)
    answers = zip(questions, go_spiffe(env.cache).ask_all(questions), java_spiffe(env.cache).ask_all(questions))
    for question, go, java in answers:
        for one in ("x509", "jwt"):
            same = sorted(go[one]) == sorted(java[one]) if one == "x509" else go[one] == java[one]
            expect(same, f"{question}: go-spiffe {go[one]}, java-spiffe {java[one]}")
        compared += len(go["x509"]) + len(go["jwt"])
    expect(compared > 60, f"only {compared} keys")
