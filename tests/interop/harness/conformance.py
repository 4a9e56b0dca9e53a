"""What a validator is shown: one thing for each id of the public SPIFFE conformance suite (arndt-s/spiffe-conformance-test-suite: XV, XF,
JV, JB, ID), and for what the suite does not ask (DB: bundle documents, DJ: JWT-SVIDs, DX: X.509-SVIDs). Made new for each run."""

import base64
import hmac
import json
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from .svid import TLS, JwtAuthority, Svid, TrustDomain, X509Authority, base64url, compact, sign

AUDIENCE = "conformance"
MOST_TOKEN_SECONDS = 3600
MOST_SVID_SECONDS = 86_400
EVERYBODY = ("privyseal", "go-spiffe", "java-spiffe")


@dataclass
class Probe:
    """One thing that is shown, and the verdict that the specifications (or we, where they are silent) want."""

    id: str
    what: str
    kind: str  # "jwt", "x509" or "document"
    shown: object  # a token, an Svid, or nothing: then the document itself
    domains: tuple  # the trust domains whose bundles are known
    wanted: bool
    spiffe_id: str = ""
    verifiers: tuple = EVERYBODY


class Conformance:
    def __init__(self):
        self.test, self.fed = TrustDomain("test.example.org"), TrustDomain("fed.example.org")
        self.probes = []
        # Trust domain → its bundle when the instance starts, and the one that it has when it is asked.
        self.first, self.then = {}, {}
        # Of the trust domains whose document changes: the key that only the first one holds.
        self.firsts_own = {}
        self.rsa = JwtAuthority("rsa", "2048")
        self.p384, self.p521 = JwtAuthority("p384", "P-384"), JwtAuthority("p521", "P-521")
        all_keys = [self.test.root, self.test.jwt, self.rsa, self.p384, self.p521]
        self.first[self.test.name] = self.test.document([each.entry() for each in all_keys])
        self.first[self.fed.name] = self.fed.document()
        self.jwt_svids()
        self.spiffe_ids()
        self.x509_svids()
        self.documents()
        assert len({probe.id for probe in self.probes}) == len(self.probes), "an id stands there twice"

    def add(self, id, what, kind, shown, wanted, spiffe_id="", domains=None, verifiers=EVERYBODY):
        domains = domains or (self.test.name,)
        self.probes.append(Probe(id, what, kind, shown, tuple(domains), wanted, spiffe_id, verifiers))

    def token(self, id, what, wanted, key=None, sub=None, header=None, payload=None, domains=None, **claims):
        """A token of `test.example.org`, with a name of its own for each id: a rate limit counts by name."""
        sub = self.test.id("/" + id) if sub is None else sub
        token = (key or self.test.jwt).token(sub, AUDIENCE, header, payload, **claims)
        self.add(id, what, "jwt", token, wanted, sub, domains)

    def raw(self, id, what, wanted, token):
        self.add(id, what, "jwt", token, wanted, self.test.id("/" + id))

    def good(self, id):
        return self.test.jwt.token(self.test.id("/" + id), AUDIENCE)

    def jwt_svids(self):
        now, test, both = int(time.time()), self.test, (self.test.name, self.fed.name)
        self.token("JV-1", "a plain token", True)
        for algorithm in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
            self.token(f"JV-2/{algorithm}", f"{algorithm}", True, self.rsa, header={"alg": algorithm})
        for algorithm, key in (("ES256", test.jwt), ("ES384", self.p384), ("ES512", self.p521)):
            self.token(f"JV-2/{algorithm}", f"{algorithm}", True, key)
        head, claims, _ = self.good("JV-3").split(".")
        head = base64url(json.dumps({"alg": "none", "kid": test.jwt.kid, "typ": "JWT"}).encode())
        self.raw("JV-3", "alg none", False, f"{head}.{claims}.")
        for algorithm in ("HS256", "HS384", "HS512"):
            self.raw(f"JV-4/{algorithm}", f"{algorithm} with a secret", False, self.hmac_token(algorithm, b"x" * 64))
        public = test.jwt.key.public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.raw("JV-4/hmac-public-key", "HS256 with our public key as the secret", False, self.hmac_token("HS256", pem))
        self.raw("JV-6/rs256-header-ec-key", "RS256 that is ES256", False, self.mislabelled("RS256", "ES256", test.jwt))
        self.raw("JV-6/es384-header-p256-key", "ES384 with a P-256 key", False, self.mislabelled("ES384", "ES384", test.jwt))
        self.token("JV-7", "no aud", False, aud=None)
        self.token("JV-8", "another aud", False, aud=["other"])
        self.token("JV-9", "our aud among others", True, aud=["other", AUDIENCE])
        self.token("JV-10", "aud that is a string", True, aud=AUDIENCE)
        self.token("JV-11", "no exp", False, exp=None)
        self.token("JV-12", "expired", False, iat=now - 600, exp=now - 300)
        self.token("JV-13", "nbf to come", False, nbf=now + 300)
        head, claims, signature = self.good("JV-14").split(".")
        self.raw("JV-14", "one bit of the signature", False, f"{head}.{claims}.{flipped(signature)}")
        _, claims, _ = test.jwt.token(test.id("/admin"), AUDIENCE).split(".")
        self.raw("JV-15", "another payload", False, f"{head}.{claims}.{signature}")
        self.token("JV-16", "a key of nobody", False, JwtAuthority("nobody"))
        self.token("JV-17", "a name of fed signed by test", False, sub=self.fed.id("/JV-17"), domains=both)
        self.token("JV-18", "a trust domain without a bundle", False, sub="spiffe://unknown.example.org/JV-18")
        self.token("JV-19", "sub that is an https URL", False, sub="https://test.example.org/jv-19")
        self.token("JV-20/typ-JWT", "typ JWT", True, header={"typ": "JWT"})
        self.token("JV-20/typ-JOSE", "typ JOSE", True, header={"typ": "JOSE"})
        self.token("JV-20/no-typ", "no typ", True, header={"typ": None})
        self.token("JV-21", "typ at+jwt", False, header={"typ": "at+jwt"})
        self.token("JV-22", "no kid", True, header={"kid": None})
        self.token("JV-23", "crit", False, header={"crit": ["urn:interop"], "urn:interop": True})
        head, claims, signature = self.good("JV-24").split(".")
        self.raw("JV-24", "JWS JSON", False, json.dumps({"protected": head, "payload": claims, "signature": signature}))
        self.raw("JV-25/two-parts", "no signature", False, self.good("JV-25").rpartition(".")[0])
        self.raw("JV-25/bad-base64", "an octet outside the alphabet", False, self.broken_base64())
        self.token(
            "JV-25/bad-json", "half an object", False, payload=b'{"sub":"%s","aud":["conformance"],' % test.id("/a").encode()
        )
        self.token("JB-8", "a token of fed", True, self.fed.jwt, self.fed.id("/JB-8"), domains=both)
        # What the suite does not ask.
        self.token("DJ-1/upper-trust-domain", "an upper-case trust domain", False, sub="spiffe://TEST.example.org/DJ-1")
        self.token("DJ-1/upper-scheme", "an upper-case scheme", False, sub="SPIFFE://test.example.org/DJ-1")
        self.token("DJ-2/typ-lower", "typ jwt", False, header={"typ": "jwt"})
        self.token("DJ-3/jku", "a header member of RFC 7515", False, header={"jku": "https://test.example.org/keys"})
        self.token("DJ-3/unknown", "an unknown header member", False, header={"foo": "bar"})
        self.token("DJ-4", "sub without a path", False, sub=test.id(""))
        self.token("DJ-5/fraction", "exp with a fraction", False, exp=now + 300.5)
        self.token("DJ-5/string", "exp that is a string", False, exp=str(now + 300))
        self.token("DJ-6", "iat ten minutes ahead", False, iat=now + 600, exp=now + 900)
        self.token("DJ-7", "valid for longer than is allowed", False, exp=now + 2 * MOST_TOKEN_SECONDS)
        twice = f'{{"sub":"{test.id("/other")}","sub":"{test.id("/DJ-8")}","aud":["{AUDIENCE}"],"exp":{now + 300}}}'
        self.token("DJ-8", "sub twice", False, payload=twice.encode())
        self.token("DJ-10", "a SPIFFE ID of 2049 octets", False, sub=long_id(test, 2049))
        self.token("DJ-11/no-element", "aud without an element", False, aud=[])
        self.token("DJ-11/empty", "aud that is an empty string", False, aud="")
        self.raw("DJ-12", "an ES256 signature in DER", False, self.der_signed())
        head, claims, signature = self.good("DJ-13").split(".")
        self.raw("DJ-13", "padding", False, f"{head}.{claims}.{signature}{'=' * (-len(signature) % 4)}")

    def hmac_token(self, algorithm, secret):
        head = {"alg": algorithm, "kid": self.test.jwt.kid, "typ": "JWT"}
        return compact(head, self.claims(algorithm), lambda message: hmac.digest(secret, message, "sha" + algorithm[2:]))

    def mislabelled(self, said, done, authority):
        head = {"alg": said, "kid": authority.kid, "typ": "JWT"}
        return compact(head, self.claims(said), lambda message: sign(done, authority.key, message))

    def der_signed(self):
        head, key = {"alg": "ES256", "kid": self.test.jwt.kid, "typ": "JWT"}, self.test.jwt.key
        return compact(head, self.claims("DJ-12"), lambda message: sign("ES256", key, message, der=True))

    def broken_base64(self):
        head, claims, _ = self.good("JV-25").split(".")
        middle = len(claims) // 2
        signing_input = f"{head}.{claims[:middle]}!{claims[middle:]}"
        return f"{signing_input}.{base64url(sign('ES256', self.test.jwt.key, signing_input.encode()))}"

    def claims(self, word):
        now = int(time.time())
        return {"sub": self.test.id("/" + word), "aud": [AUDIENCE], "iat": now, "exp": now + 300}

    def spiffe_ids(self):
        test = self.test.name
        bad = {
            "empty-trust-domain": "spiffe:///a",
            "port": f"spiffe://{test}:8080/a",
            "userinfo": f"spiffe://u@{test}/a",
            "query": f"spiffe://{test}/a?x=1",
            "fragment": f"spiffe://{test}/a#f",
            "percent-encoded": f"spiffe://{test}/%41",
            "empty-segment": f"spiffe://{test}/a//b",
            "dot-segment": f"spiffe://{test}/a/./b",
            "dot-dot-segment": f"spiffe://{test}/a/../b",
            "trailing-slash": f"spiffe://{test}/a/",
            "invalid-path-char": f"spiffe://{test}/a!b",
            "invalid-trust-domain-char": "spiffe://t$d/a",
        }
        for word, spiffe_id in bad.items():
            self.token(f"ID-1/{word}", spiffe_id, False, sub=spiffe_id)
        for word in ("query", "percent-encoded", "trailing-slash", "port"):
            self.svid(f"ID-1/x509-{word}", f"{bad[word]} in a certificate", False, names=[bad[word]])
        self.token(
            "ID-2/path-chars", "every kind of path character", True, sub=self.test.id("/Path.With-Mixed_Case/a.b-c_D/..x/x..")
        )
        for word, name in (("trust-domain-chars", "td_1.example-2.org"), ("ipv4-trust-domain", "192.168.1.1")):
            domain = TrustDomain(name)
            self.first[name] = domain.document()
            self.token(f"ID-2/{word}", name, True, domain.jwt, domain.id("/id-2"), domains=(name,))
        self.token("ID-2/max-length", "2048 octets", True, sub=long_id(self.test, 2048))

    def svid(self, id, what, wanted, authority=None, spiffe_id=None, domains=None, **changes):
        """An X.509-SVID of `test.example.org`, or what its `changes` make of it."""
        names = changes.pop("names", [spiffe_id or self.test.id("/" + id)])
        shown = (authority or self.test.root).svid(None, names=names, **changes)
        self.add(id, what, "x509", shown, wanted, names[0] if names else "", domains)

    def x509_svids(self):
        test, fed, both = self.test, self.fed, (self.test.name, self.fed.name)
        below = X509Authority(test.name, test.root)
        self.svid("XV-1", "a plain certificate", True)
        self.svid("XV-2", "one of an intermediate", True, below)
        self.svid("XV-3", "with a DNS name too", True, dns=["xv-3.test.example.org"])
        self.svid("XV-4", "without a subject", True, empty_subject=True)
        self.svid("XV-5", "of another authority of that name", False, X509Authority(test.name))
        self.svid("XV-6", "expired", False, start=-7200, seconds=3600)
        self.svid("XV-7", "not yet valid", False, start=3600)
        self.svid("XV-8", "with cA", False, ca=True)
        self.svid("XV-9", "with keyCertSign", False, usage={"digital_signature": True, "key_cert_sign": True})
        self.svid("XV-10", "with cRLSign", False, usage={"digital_signature": True, "crl_sign": True})
        self.svid("XV-11", "with two SPIFFE IDs", False, names=[test.id("/XV-11"), test.id("/XV-11-second")])
        self.svid("XV-12", "without a URI", False, names=[])
        self.svid("XV-13", "with an https URL", False, names=["https://test.example.org/xv-13"])
        self.svid("XV-14", "with a SPIFFE ID without a path", False, names=[test.id("")])
        self.svid("XV-15", "of a trust domain without a bundle", False, spiffe_id="spiffe://other.example.org/XV-15")
        self.svid("XF-1", "of fed", True, fed.root, fed.id("/XF-1"), both)
        self.svid("XF-2/fed-by-test", "of fed, by the authority of test", False, test.root, fed.id("/XF-2"), both)
        self.svid("XF-2/test-by-fed", "of test, by the authority of fed", False, fed.root, test.id("/XF-2"), both)
        # What the suite does not ask.
        self.svid("DX-1", "without key usage", False, usage=None)
        self.svid("DX-2", "without digitalSignature", False, usage={"key_agreement": True})
        self.svid("DX-3", "for code signing", False, extended=(ExtendedKeyUsageOID.CODE_SIGNING,))
        self.svid("DX-4/server", "for servers alone", False, extended=TLS[:1])
        self.svid("DX-4/client", "for clients alone", False, extended=TLS[1:])
        self.svid("DX-4/none", "without extended key usage", True, extended=())
        self.svid(
            "DX-5", "with an https URL beside the SPIFFE ID", False, names=[test.id("/DX-5"), "https://test.example.org/dx-5"]
        )
        self.svid("DX-6", "of an intermediate without cA", False, X509Authority(test.name, test.root, ca=False))
        no_sign = X509Authority(test.name, test.root, usage={"digital_signature": True})
        self.svid("DX-7", "of an intermediate without keyCertSign", False, no_sign)
        leaf = {"ca": False, "usage": {"digital_signature": True}, "extended": TLS, "names": [test.id("/leaf")]}
        self.svid("DX-8", "of another X.509-SVID", False, X509Authority(test.name, test.root, **leaf))
        self.add("DX-9", "the intermediate itself", "x509", Svid([below.certificate], below.key), False, test.id(""))
        self.svid("DX-10", "valid for longer than is allowed", False, seconds=2 * MOST_SVID_SECONDS)
        self.svid("DX-11", "with an upper-case trust domain", False, names=["spiffe://TEST.example.org/DX-11"])
        self.svid("DX-12", "of an expired intermediate", False, X509Authority(test.name, test.root, start=-7200, seconds=3600))
        self.svid(
            "DX-13",
            "with an unrelated certificate beside its chain",
            True,
            beside=[X509Authority("unrelated").certificate],
        )
        self.svid("DX-14", "with key usage that is not critical", False, usage_critical=False)
        named = X509Authority(test.name, test.root, permitted=[test.name])
        self.svid("DX-15", "of an intermediate for this trust domain alone (name constraint)", True, named)
        named = X509Authority(test.name, test.root, permitted=[fed.name])
        self.svid("DX-16", "of an intermediate for another trust domain alone (name constraint)", False, named)

    def documents(self):
        """Bundles that change. Each trust domain here has one document at first, and another one when it is asked."""
        own = lambda change, key, other: [change.root.entry(), key.entry(), other.entry()]
        domain, key, other = self.change("JB-1", lambda *all: [*own(*all), all[0].jwt.entry()], document=False)
        self.keys_token("JB-1/added", "a key that was added", True, domain, key)
        self.keys_token("JB-1/before", "the key of before", True, domain, domain.jwt)
        domain, key, other = self.change("JB-2", own)
        self.keys_token("JB-2/removed", "a key that was removed", False, domain, domain.jwt)
        self.keys_token("JB-2/added", "the one in its place", True, domain, key)
        domain, key, other = self.change(
            "JB-4", lambda d, k, o: [d.root.entry(), JwtAuthority("first").entry(), o.entry(), k.entry()]
        )
        self.keys_token("JB-4", "the second of three keys", True, domain, other)
        for word, id, use in (
            ("of use x509-svid", "JB-5/x509-svid-use", "x509-svid"),
            ("without a use", "JB-5/missing-use", None),
            ("of use sig", "DB-1/unknown-use", "sig"),
            ("of use wit-svid", "DB-1/wit-svid-use", "wit-svid"),
        ):
            domain, key, other = self.change(id, lambda d, k, o, use=use: [d.root.entry(), o.entry(use=use), k.entry()])
            self.keys_token(f"{id}/by-it", f"a key {word}", False, domain, other)
            self.keys_token(f"{id}/beside", f"a good key beside one {word}", True, domain, key)
        strange = {"kty": "INTEROP-UNKNOWN", "use": "jwt-svid", "kid": "strange", "k": "AQAB"}
        domain, key, other = self.change("JB-6", lambda d, k, o: [d.root.entry(), k.entry(), strange, o.entry()])
        self.keys_token("JB-6/before", "the key before one of an unknown kty", True, domain, key)
        self.keys_token("JB-6/after", "the key after one of an unknown kty", True, domain, other)
        domain, key, other = self.change("JB-7", lambda *_: [])
        self.keys_token("JB-7/jwt", "a token after all keys are gone", False, domain, domain.jwt)
        self.add("JB-7/x509", "a certificate after all keys are gone", "x509", domain.root.svid(domain.id("/x")), False,
                 domain.id("/x"), [domain.name])  # fmt: skip
        edwards = JwtAuthority("edwards", "Ed25519")
        domain, key, other = self.change("JV-5", lambda d, k, o: [d.root.entry(), edwards.entry(), k.entry()])
        self.keys_token("JV-5/by-it", "EdDSA by a key of the bundle", False, domain, edwards)
        self.keys_token("JV-5/beside", "a good key beside an Ed25519 one", True, domain, key)
        weak = JwtAuthority("weak", "1024")
        domain, key, other = self.change("DJ-9", lambda d, k, o: [d.root.entry(), weak.entry(), k.entry()])
        self.keys_token("DJ-9/by-it", "RSA of 1024 bits", False, domain, weak)
        self.keys_token("DJ-9/beside", "a good key beside one of 1024 bits", True, domain, key)
        domain, key, other = self.change("DB-2", lambda d, k, o: [d.root.entry(), o.entry(kid=None), k.entry()])
        self.keys_token("DB-2/by-it", "a key without a kid", False, domain, other)
        self.keys_token("DB-2/beside", "a good key beside one without a kid", True, domain, key)
        for word, x5c in (("no", None), ("empty", [])):
            bare = X509Authority("bare").entry(x5c=x5c)
            domain, key, other = self.change(f"DB-3/{word}-x5c", lambda d, k, o, bare=bare: [bare, d.root.entry(), k.entry()])
            self.keys_token(f"DB-3/{word}-x5c/beside", f"a good key beside an authority with {word} x5c", True, domain, key)
        second = X509Authority("db-3-two-x5c.test")
        two = lambda d, k, o: [d.root.entry(x5c=d.root.entry()["x5c"] + second.entry()["x5c"]), k.entry()]
        domain, key, other = self.change("DB-3/two-x5c", two)
        for word, authority, wanted in (("first", domain.root, True), ("second", second, False)):
            spiffe_id = domain.id("/" + word)
            self.add(
                f"DB-3/two-x5c/{word}",
                f"of the {word} in x5c",
                "x509",
                authority.svid(spiffe_id),
                wanted,
                spiffe_id,
                [domain.name],
            )
        domain, key, other = self.change("DB-3/broken-x5c", lambda d, k, o: [d.root.entry(x5c=["AAAA"]), k.entry()])
        self.keys_token("DB-3/broken-x5c/beside", "a good key beside an authority that is no certificate", True, domain, key)
        self.change("DB-4/no-keys", taken=False, keys=None)
        self.change("DB-4/keys-object", taken=False, keys={})
        self.change("DB-4/keys-null", taken=False, text=lambda text: text.replace(b'"keys": [', b'"keys": null, "other": [', 1))
        self.change("DB-4/empty-keys", taken=True, keys=[])
        self.change("DB-5/duplicate-member", taken=False, text=lambda text: text[:-1] + b', "keys": []}')
        self.change("DB-5/trailing", taken=False, text=lambda text: text + b"}")
        self.change("DB-5/byte-order-mark", taken=False, text=lambda text: b"\xef\xbb\xbf" + text)
        self.change("DB-6/sequence-string", taken=False, spiffe_sequence="2")
        self.change("DB-6/sequence-fraction", taken=False, spiffe_sequence=2.5)
        self.change("DB-6/sequence-negative", taken=False, spiffe_sequence=-1)
        self.change("DB-6/sequence-63-bits", taken=True, spiffe_sequence=2**63 - 1)
        self.change("DB-6/sequence-64-bits", taken=True, spiffe_sequence=2**64 - 1)
        self.change("DB-6/no-sequence", taken=True, spiffe_sequence=None)
        self.change("DB-6/sequence-back", taken=False, verifiers=("privyseal",), spiffe_sequence=0)
        domain, key, other = self.change("DB-7", lambda d, k, o: [d.root.entry(), k.entry(), o.entry(kid=k.kid)], taken=False)
        other_root = X509Authority("db-9.test")
        wrong = lambda d, k, o: [d.root.entry(x5c=other_root.entry()["x5c"]), k.entry()]
        domain, key, other = self.change("DB-9", wrong, taken=False)
        self.add("DB-9/by-it", "of an authority beside another key", "x509", other_root.svid(domain.id("/x")), False,
                 domain.id("/x"), [domain.name])  # fmt: skip

    def change(self, id, entries=None, taken=True, document=True, text=None, verifiers=EVERYBODY, **members):
        """A trust domain whose document becomes one of these `entries` and `members`, changed once more as `text`. The
        key of the first document is in none of them that is evaluated as a document: an instance that still takes it
        did not take the new one."""
        domain = TrustDomain(id.lower().replace("/", "-") + ".test")
        key, other = JwtAuthority(f"{domain.name} 2"), JwtAuthority(f"{domain.name} 3")
        self.first[domain.name], self.firsts_own[domain.name] = domain.document(), domain.jwt
        changed = entries(domain, key, other) if entries else [domain.root.entry(), key.entry()]
        whole = domain.document(changed, **{"spiffe_sequence": 2, **members})
        self.then[domain.name] = text(whole) if text else whole
        if document:
            self.add(
                f"{id}/document", "the document", "document", None, taken, domains=[domain.name], verifiers=verifiers
            )
        return domain, key, other

    def keys_token(self, id, what, wanted, domain, key):
        spiffe_id = domain.id("/" + id)
        self.add(id, what, "jwt", key.token(spiffe_id, AUDIENCE), wanted, spiffe_id, [domain.name])

    def document(self, name):
        """What is in force when verifiers are asked."""
        return self.then.get(name, self.first[name])


def flipped(signature):
    """One bit in the middle of it."""
    octets = bytearray(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    octets[len(octets) // 2] ^= 1
    return base64url(octets)


def long_id(domain, octets):
    whole = domain.id("")
    while len(whole) + 101 <= octets:
        whole += "/" + "a" * 100
    return whole + ("/" + "b" * (octets - len(whole) - 1) if octets - len(whole) > 1 else "c" * (octets - len(whole)))
