"""Whoever comes with a wrong certificate is refused, whichever side it is on, and both sides know why. Each fault has a
faulty peer of its own, which checks nothing: a node would not even start with what is wrong with it.

What both sides say is the table in docs/security.md; a test holds it against this run. To write it anew:

    tests/integration/test_certificate_matrix.py --update"""
import dataclasses
import functools
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

import certificates
import strangers
import support
from certificates import Authority, issue_node

PAGE = support.ROOT / "docs/security.md"
BEGIN, END = "<!-- certificate matrix: begin -->\n", "<!-- certificate matrix: end -->\n"
CLIENT, SERVER, HELLO = "client", "server", "HELLO"
FLOCK = "demo"


# ---- the flock and its faults ----

class Workshop:
    """The flock's authority and all that can be wrong, each made when it is first asked for."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="starling-matrix-"))
        self.root = Authority(self.folder / "root", key="rsa-2048")
        self.good = {side: self.node(f"good-{side}", side) for side in ("server", "client")}
        self.made = {}

    def node(self, stem, side, authority=None, node="bob", **options):
        return issue_node(authority or self.root, self.folder / stem / side, side, node, FLOCK, **options)

    def authority(self, name, **options):
        """Below the root, with a list of its own that revokes nothing."""
        made = self.made.get(name)
        if made is None:
            options = {"issuer": self.root, "name": name, **options}
            made = self.made[name] = Authority(self.folder / name, **options)
        return made

    def crl(self, name, *authorities, **dates):
        """A file with the lists of the root and these."""
        files = [each.write_crl(self.folder / f"{name}-{i}.pem", **(dates if i else {}))
                 for i, each in enumerate((self.root, *authorities))]
        return certificates.join_files(self.folder / f"{name}.pem", *files)


@functools.cache
def shop():
    return Workshop()


@dataclasses.dataclass
class Setting:
    """What a faulty peer meets us with."""
    certificate: object          # None: it has none
    crl: pathlib.Path = None     # our lists; None: the root's alone
    rule: dict = None            # of transport.peers, for the address that we dial
    server: object = None        # what it shows in TLS where the fault is in HELLO; None: bob's
    said: dict = dataclasses.field(default_factory=lambda: strangers.NO_DELEGATION)  # in HELLO, beside the chain


@dataclasses.dataclass
class Fault:
    name: str
    make: object      # make(shop, side): Setting or Certificate
    reason: str       # what the refuser's reason must match
    roles: tuple = (CLIENT, SERVER, HELLO)
    alert: str = r"alert \d+"
    by_goodbye: bool = False  # a member, refused once HELLO is there


FAULTS = []


def fault(name, reason, **options):
    def note(make):
        FAULTS.append(Fault(name, make, reason, **options))
        return make
    return note


@fault("no certificate", "no certificate", roles=(CLIENT,), alert="alert 116")
def no_certificate(_shop, _side):
    return Setting(None)


@fault("self-signed", "authority")
def self_signed(shop, side):
    return issue_node(certificates.Self(), shop.folder / "self" / side, side, "bob", FLOCK)


def other_authority(shop, folder, **options):
    if folder not in shop.made:
        shop.made[folder] = Authority(shop.folder / folder, **options)
    return shop.made[folder]


@fault("from another authority", "authority")
def another(shop, side):
    return shop.node("another", side, other_authority(shop, "stranger", name="stranger"))


@fault("from another authority that has our authority's name", "authority|signature")
def namesake(shop, side):
    return shop.node("namesake", side, other_authority(shop, "double"))


@fault("expired", "expired")
def expired(shop, side):
    return shop.node("expired", side, start=-3, end=-1)


@fault("not yet valid", "not valid before")
def too_early(shop, side):
    return shop.node("early", side, start=1, end=3)


@fault("revoked", "revoked")
def revoked(shop, side):
    certificate = shop.node("revoked", side)
    shop.root.revoke(certificate)
    return Setting(certificate, shop.crl(f"revoking-{side}"))


@fault("below an intermediate that is revoked", "revoked")
def revoked_intermediate(shop, side):
    if "revoked-intermediate" not in shop.made:
        made = shop.authority("revoked-intermediate")
        shop.root.revoke(certificates.Certificate(made.pem, made.key))
    made = shop.made["revoked-intermediate"]
    return Setting(shop.node("below-revoked", side, made), shop.crl(f"revoking-issuer-{side}", made))


@fault("below an intermediate whose list is stale", "stale|next update|too old|out of date")
def stale(shop, side):
    made = shop.authority("stale")
    return Setting(shop.node("below-stale", side, made), shop.crl(f"stale-{side}", made, last=-3, until=-1))


@fault("below an intermediate that we have no list of", "list|CRL")
def no_list(shop, side):
    return shop.node("below-unlisted", side, shop.authority("unlisted"))


@fault("a server's as a client's", "client.*extended key usage", roles=(CLIENT, HELLO))
def server_as_client(shop, _side):
    return shop.good["server"]


@fault("a client's as a server's", "server.*extended key usage", roles=(SERVER,))
def client_as_server(shop, _side):
    return shop.node("client-as-server", "server", purpose="clientAuth")


@fault("without a purpose", "extended key usage|extendedKeyUsage")
def no_purpose(shop, side):
    return shop.node("no-purpose", side, purpose="")


@fault("for any purpose", "extended key usage|extendedKeyUsage")
def any_purpose(shop, side):
    return shop.node("any-purpose", side, purpose="anyExtendedKeyUsage")


@fault("of another host name", "host", roles=(SERVER,), by_goodbye=True)
def wrong_host(shop, side):
    return shop.node("wrong-host", side, hosts=("DNS:elsewhere.example",))


@fault("of another IP address", "host 127.0.0.1", roles=(SERVER,), by_goodbye=True)
def wrong_ip(shop, side):
    return shop.node("wrong-ip", side, hosts=("IP:127.0.0.2", "DNS:localhost"))


@fault("its IP address as a DNS name", "host 127.0.0.1", roles=(SERVER,), by_goodbye=True)
def ip_as_name(shop, side):
    return shop.node("ip-as-name", side, hosts=("DNS:127.0.0.1",))


@fault("of another node than the one dialled", "wanted was", roles=(HELLO,))
def wrong_node(shop, _side):
    return Setting(shop.good["client"], rule={"node": "carol"})


@fault("of our own node", "node itself", roles=(HELLO,))
def ourselves(shop, side):
    """A copied kit."""
    return Setting(shop.node("ourselves", side, node="alice"),
                   server=shop.node("ourselves-server", "server", node="alice"))


@fault("of another node than TLS's", "is of carol", roles=(HELLO,))
def of_carol(shop, side):
    return shop.node("carol", side, node="carol")


@fault("sent without its key", "delegation: the signature is not by the key of CN=bob", roles=(HELLO,))
def no_delegation(shop, _side):
    return shop.good["client"]


@fault("with a delegation of its key's, from elsewhere", "proof", roles=(HELLO,))
def no_proof(shop, _side):
    """Whoever has dialled bob has heard this much."""
    return Setting(shop.good["client"], said=strangers.delegation(shop.good["client"], FLOCK, "bob"))


@fault("an RSA key of 1,024 bits", "weak|1024")
def weak_key(shop, side):
    return shop.node("weak", side, key="rsa-1024")


@fault("signed with MD5", "weak|MD5")
def md5(shop, side):
    return shop.node("md5", side, digest="md5")


@fault("signed with SHA-1", "weak|SHA-?1")
def sha1(shop, side):
    return shop.node("sha1", side, digest="sha1")


@fault("below an intermediate with SHA-1", "weak|SHA-?1")
def sha1_intermediate(shop, side):
    if "sha1-intermediate" not in shop.made:
        made = Authority(shop.folder / "sha1-intermediate", issuer=Digest(shop.root, "sha1"), name="sha1-intermediate")
        shop.made["sha1-intermediate"] = made
    made = shop.made["sha1-intermediate"]
    return Setting(shop.node("below-sha1", side, made), shop.crl(f"sha1-{side}", made))


class Digest:
    """An authority that signs with another digest than its usual one."""

    def __init__(self, authority, digest):
        self.authority, self.digest, self.pem, self.issuers = authority, digest, authority.pem, authority.issuers

    def issue(self, *arguments, **options):
        return self.authority.issue(*arguments, digest=self.digest, **options)


@fault("a chain longer than its issuer allows", "path length")
def long_path(shop, side):
    first = shop.authority("short", constraints="critical,CA:TRUE,pathlen:0")
    second = shop.authority("too-deep", issuer=first)
    return Setting(shop.node("long-path", side, second), shop.crl(f"long-path-{side}", first, second))


@fault("a chain of nine certificates", "too many certificates|9 certificates|9 of them", alert=r"alert \d+|close|reset")
def nine(shop, side):
    chain = []
    for i in range(8):
        chain.append(shop.authority(f"level-{i}", **({"issuer": chain[-1]} if chain else {})))
    return Setting(shop.node("ninth", side, chain[-1]), shop.crl(f"nine-{side}", *chain))


@fault("below an intermediate of CA:FALSE", "authority|CA:FALSE|may not sign")
def no_authority(shop, side):
    made = shop.authority("no-authority", constraints="critical,CA:FALSE")
    return Setting(shop.node("below-none", side, made), shop.crl(f"none-{side}", made))


@fault("below another node", "authority|CA:FALSE|may not sign")
def below_node(shop, side):
    """What a member could make with the key of its own certificate."""
    if "member" not in shop.made:
        shop.made["member"] = Member(shop.folder / "member-authority", shop.good["client"])
    return shop.node("below-node", side, shop.made["member"])


class Member(Authority):
    """A node that acts as an authority, with its own certificate."""

    def __init__(self, folder, certificate):
        super().__init__(folder, name="unused")
        shutil.copy(certificate.pem, self.pem)
        shutil.copy(certificate.key, self.key)
        self.issuers = (self.pem,)


@fault("below an intermediate that may not sign certificates", "may not sign|keyCertSign")
def no_cert_sign(shop, side):
    made = shop.authority("no-cert-sign", usage="critical,cRLSign,digitalSignature")
    return Setting(shop.node("below-no-cert-sign", side, made), shop.crl(f"no-cert-sign-{side}", made))


def constrained(shop, side, name, constraints):
    made = shop.authority(name, extensions=(f"nameConstraints=critical,{constraints}",))
    return Setting(shop.node(f"below-{name}", side, made), shop.crl(f"{name}-{side}", made))


@fault("URI outside its issuer's name constraint", "constraint")
def not_permitted(shop, side):
    return constrained(shop, side, "permitted", "permitted;URI:another-flock")


@fault("URI that its issuer's name constraint excludes", "constraint")
def excluded(shop, side):
    return constrained(shop, side, "excluded", f"excluded;URI:{FLOCK}")


@fault("IP address outside its issuer's name constraint", "constraint", roles=(SERVER,))
def ip_not_permitted(shop, side):
    return constrained(shop, side, "permitted-ip", "permitted;IP:10.0.0.0/255.0.0.0")


@fault("of another flock", "flock")
def wrong_flock(shop, side):
    return shop.node("wrong-flock", side, names=("URI:starling://another/bob",))


@fault("of no node", "starling://")
def nameless(shop, side):
    return shop.node("nameless", side, names=("DNS:bob",))


@fault("of two nodes", "2 starling:// URIs|exactly one")
def two_names(shop, side):
    return shop.node("two-names", side, names=(f"URI:starling://{FLOCK}/bob", f"URI:starling://{FLOCK}/carol"))


@fault("with a name that climbs", "starling://FLOCK/NODE")
def climbs(shop, side):
    return shop.node("climbs", side, names=(f"URI:starling://{FLOCK}/../bob",))


@fault("an authority's", "authority")
def an_authority(shop, side):
    return shop.node("an-authority", side, constraints="critical,CA:TRUE")


# ---- what both sides say ----

@dataclasses.dataclass
class Outcome:
    reason: str = None   # of the refuser's log line; None: there is none
    told: str = ""       # what the other side saw
    heard: bytes = b""   # what it was told in the clear
    log: str = ""
    running: bool = True


def unquoted(line, key):
    match = re.search(rf'\b{key}=("(?:[^"\\]|\\.)*"|\S*)', line)
    return None if match is None else json.loads(match[1]) if match[1].startswith('"') else match[1]


def refusal(log):
    for line in log.splitlines():
        if "peer refused" in line:
            return unquoted(line, "reason")
    return None


class Scene(support.Case):
    """alice, who is right, and somebody who is not."""

    def setUp(self):
        super().setUp()
        shop().root  # made before alice's clock runs

    def kit(self, name, shop, crl=None, **settings):
        """A node's folder, as good as the root makes it."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for side in ("server", "client"):
            certificate = shop.made.get((name, side)) or shop.node(f"own-{name}", side, node=name)
            shop.made[name, side] = certificate
            certificate.write_chain(folder / f"{side}.pem")
            shutil.copy(certificate.key, folder / f"{side}.key")
        shutil.copy(shop.root.pem, folder / "ca.pem")
        shutil.copy(crl or shop.made.setdefault("crl", shop.crl("plain")), folder / "crl.pem")
        from driver.kits import merge
        self.settings(name).write_text(json.dumps(merge({
            "flock": {"name": FLOCK, "start_nodes": 2}, "node": {"name": name},
            "identity": {"ca": "ca.pem", "server_certificate": "server.pem", "server_key": "server.key",
                         "client_certificate": "client.pem", "client_key": "client.key", "crl_file": "crl.pem"},
            "transport": {"listen": ["127.0.0.1:0"], "handshake_timeout": 5}, "round": {"rounds": 1, "linger_max": 2},
            **support.IDLE}, settings)), encoding="utf-8")

    def listening(self, node):
        told = support.wait_for(lambda: re.search(r"msg=listening address=(\S+)", node.output()) or not node.running(),
                                what="the listener")
        self.assertNotEqual(True, told, node.output())
        return told[1]

    def outcome_of_dialler(self, setting):
        alice = self.start("node", self.settings("alice"))
        heard = strangers.dial(self.listening(alice), setting.certificate)
        return self.judge(alice, heard)

    def outcome_of_accepter(self, setting, role):
        outer, inner = setting.server or shop().good["server"], setting.certificate
        if role == SERVER:
            outer, inner = inner, shop().good["client"]
        node = "alice" if setting.server else "bob"
        made = strangers.context(False, outer)
        with strangers.listen(made, shop().root.pem) as listener:
            if setting.rule:
                rule = {"connect_to": strangers.address(listener), **setting.rule}
                self.edit("alice", lambda value: {**value, "transport": {**value["transport"], "peers": [rule]}})
            alice = self.start("node", self.settings("alice"), "--join", strangers.address(listener))
            heard = strangers.accept(listener, made, lambda hello: strangers.hello(
                hello, node=node, boot=7, chain=inner.chain_der(), addresses=[], **setting.said))
            return self.judge(alice, heard)

    def judge(self, alice, heard):
        support.wait_for(lambda: refusal(alice.output()) or not alice.running(), 10, "the refusal in alice's log")
        reason = strangers.goodbye(heard)
        told = f"GOODBYE: {reason}" if reason is not None else heard.end
        return Outcome(refusal(alice.output()), told, heard.bytes, alice.output(), alice.running())

    def meet(self, each, role):
        side = "server" if role == SERVER else "client"
        setting = each.make(shop(), side)
        if not isinstance(setting, Setting):
            setting = Setting(setting)
        self.kit("alice", shop(), setting.crl)
        return self.outcome_of_dialler(setting) if role == CLIENT else self.outcome_of_accepter(setting, role)


OUTCOMES = {}


def setUpModule():
    if certificates.OPENSSL is None:
        raise unittest.SkipTest("openssl is not installed")
    support.own_network()


def tearDownModule():
    if shop.cache_info().currsize:
        shutil.rmtree(shop().folder)


class Matrix(Scene):
    """One case for each fault and role; they are made below."""

    def outcome(self, each, role):
        key = each.name, role
        if key not in OUTCOMES:
            OUTCOMES[key] = self.meet(each, role)
        return OUTCOMES[key]

    def check(self, each, role):
        outcome = self.outcome(each, role)
        self.assertIsNotNone(outcome.reason, outcome.log)
        self.assertRegex(outcome.reason, each.reason)
        if outcome.told.startswith("GOODBYE") and (role == HELLO or each.by_goodbye):
            # What is told is what is logged, cut to what a GOODBYE may hold.
            self.assertEqual(outcome.reason[:200], outcome.told.removeprefix("GOODBYE: "))
        else:
            self.assertRegex(outcome.told, each.alert)
            self.assertEqual(b"", outcome.heard, "a stranger hears nothing of what members say")
        self.assertEqual([], re.findall("peer admitted.*|msg=\"peer up.*", outcome.log))
        self.assertTrue(outcome.running, outcome.log)

    def test_the_table_in_the_page(self):
        for each in FAULTS:
            for role in each.roles:
                self.outcome(each, role)
        text = PAGE.read_text(encoding="utf-8")
        self.assertIn(BEGIN, text)
        self.assertEqual(table(), text.split(BEGIN)[1].split(END)[0],
                         "docs/security.md differs; write it anew by: tests/integration/test_certificate_matrix.py --update")


def add_cases():
    for each in FAULTS:
        for role in each.roles:
            name = re.sub(r"\W+", "_", f"test_{each.name}__{role}".lower())
            setattr(Matrix, name, lambda self, each=each, role=role: self.check(each, role))


add_cases()


class Control(Scene):
    """The same scenes with nothing wrong: what refuses everybody would pass all the others."""

    def test_dials_us(self):
        self.kit("alice", shop())
        alice = self.start("node", self.settings("alice"))
        heard = strangers.dial(self.listening(alice), shop().good["client"])
        self.assertEqual("HELLO", heard.frames()[0][0])

    def test_is_dialled(self):
        self.kit("alice", shop())
        made = strangers.context(False, shop().good["server"])
        with strangers.listen(made, shop().root.pem) as listener:
            self.start("node", self.settings("alice"), "--join", strangers.address(listener))
            heard = strangers.accept(listener, made)
        self.assertEqual("HELLO", heard.frames()[0][0])

    def test_two_nodes(self):
        self.pair()

    def test_two_nodes_below_an_intermediate(self):
        made = shop().authority("good-intermediate", extensions=(f"nameConstraints=critical,permitted;URI:{FLOCK}",))
        for side in ("server", "client"):
            shop().made["bob", side] = shop().node("bob-below", side, made)
        try:
            self.pair(shop().crl("good-intermediate-list", made))
        finally:
            for side in ("server", "client"):
                del shop().made["bob", side]

    def pair(self, crl=None):
        self.kit("alice", shop(), crl)
        self.kit("bob", shop(), crl)
        alice = self.start("node", self.settings("alice"))
        bob = self.start("node", self.settings("bob"), "--join", self.listening(alice))
        for node in (alice, bob):
            self.assertEqual(0, node.wait(), node.output())
            self.assertRegex(node.output(), "peer admitted")


class RealNodes(Scene):
    """Faults that a node does not have in its own eyes: both ends are starling, and each logs its part."""

    def refused(self, reason, told, **settings):
        """bob dials alice, who does not want him."""
        alice = self.start("node", self.settings("alice"))
        bob = self.start("node", self.settings("bob"), "--join", self.listening(alice))
        support.wait_for(lambda: refusal(alice.output()), 20, "alice's reason")
        self.assertRegex(refusal(alice.output()), reason)
        refused = "refused by peer|peer refused"  # each refuses where both see the fault
        support.wait_for(lambda: re.search(refused, bob.output()), 20, "bob's line")
        line = next(line for line in bob.output().splitlines() if re.search(refused, line))
        self.assertRegex(unquoted(line, "reason"), told)
        self.assertNotIn("peer admitted", alice.output())  # bob may well take alice for what she is
        for node in (alice, bob):
            self.assertNotRegex(node.output(), "peer up|peer down")
            self.assertTrue(node.running(), node.output())

    def test_revoked_without_knowing_it(self):
        old = shop().crl("before-the-revocation")
        self.kit("bob", shop(), old)
        shop().root.revoke(shop().made["bob", "client"])
        try:
            self.kit("alice", shop(), shop().crl("after-the-revocation"))
            self.refused("revoked", "alert|revoked")
        finally:
            for side in ("server", "client"):
                del shop().made["bob", side]

    def test_of_another_authority(self):
        self.kit("alice", shop())
        stranger = other_authority(shop(), "real-stranger", name="stranger")
        for side in ("server", "client"):
            shop().made["bob", side] = shop().node("bob-of-a-stranger", side, stranger)
        try:
            self.kit("bob", shop(), stranger.write_crl(self.folder / "stranger-crl.pem"))
        finally:
            for side in ("server", "client"):
                del shop().made["bob", side]
        # It takes the flock's nodes for members, so that it is alice's word that decides.
        certificates.join_files(self.folder / "bob/ca.pem", shop().root.pem, stranger.pem)
        certificates.join_files(self.folder / "bob/crl.pem", self.folder / "stranger-crl.pem",
                                self.folder / "alice/crl.pem")
        self.refused("authority", "alert")

    def test_of_a_name_that_is_not_allowed(self):
        self.kit("alice", shop(), identity={"allow": ["carol"]})
        self.kit("bob", shop())
        self.refused("identity.allow|allow", "allow")

    def test_of_another_run(self):
        self.kit("alice", shop())
        self.kit("bob", shop(), flock={"run": "another"})
        self.refused("run", "run")


class NoStart(Scene):
    """A node whose own identity is not right does not start, and never with less than it was told to."""

    def check(self, change, *words):
        self.kit("alice", shop())
        change(self.folder / "alice")
        result = self.run_program("node", self.settings("alice"), timeout=20)
        self.assertNotIn(result.returncode, (0, -6, -11), result.stderr)
        last = result.stderr.strip().splitlines()[-1]
        for word in words:
            self.assertRegex(last, word)

    def test_wrong_at_home(self):
        for name in ("expired", "not yet valid", "revoked", "an RSA key of 1,024 bits", "signed with SHA-1",
                     "without a purpose", "of another flock", "self-signed", "URI outside its issuer's name constraint",
                     "below an intermediate whose list is stale"):
            with self.subTest(name):
                shutil.rmtree(self.folder / "alice", ignore_errors=True)
                each = next(each for each in FAULTS if each.name == name)
                setting = each.make(shop(), "client")
                setting = setting if isinstance(setting, Setting) else Setting(setting)

                def change(folder, setting=setting):
                    setting.certificate.write_chain(folder / "client.pem")
                    shutil.copy(setting.certificate.key, folder / "client.key")
                    if setting.crl:
                        shutil.copy(setting.crl, folder / "crl.pem")
                    self.edit("alice", lambda value: {**value, "node": {"name": "bob"}})
                    for file in ("server.pem", "server.key"):
                        source = shop().good["server"]
                        shutil.copy(source.pem if file.endswith("pem") else source.key, folder / file)
                self.check(change, each.reason)


def add_missing(file):
    def test(self):
        self.check(lambda folder: (folder / file).unlink(), re.escape(file))
    setattr(NoStart, f"test_without_{file.replace('.', '_')}", test)


for FILE in ("ca.pem", "crl.pem", "server.pem", "server.key", "client.pem", "client.key"):
    add_missing(FILE)


# ---- the page ----

WHERE = re.compile(r"^((HELLO|TLS): )?(certificate CN=bob,O=demo \(serial …\): )?")


def plain(text):
    """Without what differs from run to run, serial numbers and dates, and without what it is said of."""
    text = re.sub(r"(?<=serial )[0-9a-fA-F]+|(?<=\(key )[0-9a-f]{8}(?=\))", "…", text)
    text = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?( UTC|Z)?", "DATE", text)
    return WHERE.sub("", text).replace("|", "\\|").replace("<", "\\<")


def rows(each):
    """One for each reason that there is, whichever roles give it."""
    found = {}
    for role in each.roles:
        outcome = OUTCOMES[each.name, role]
        told = "GOODBYE with that reason" if outcome.told.startswith("GOODBYE") else outcome.told
        met, seen = found.setdefault(plain(outcome.reason or ""), ([], []))
        met.append(role)
        seen += [told] if told not in seen else []
    for reason, (met, seen) in found.items():
        yield f"| {each.name} | {', '.join(met)} | {reason} | {'; '.join(plain(told) for told in seen)} |\n"


def table():
    return "".join(["| certificate | met as | the refuser logs | the other side sees |\n", "|---|---|---|---|\n",
                    *(row for each in FAULTS for row in rows(each))])


def update():
    """All that does not take the page as it is; then the page."""
    suite = unittest.TestSuite(case for case in unittest.defaultTestLoader.loadTestsFromTestCase(Matrix)
                               if "the_table" not in case.id())
    if not unittest.TextTestRunner(verbosity=0).run(suite).wasSuccessful():
        return 1
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.split(END)[1], encoding="utf-8")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        # The cases are found in this very module, whichever name it has.
        sys.exit(update())
    unittest.main()
