"""Real TLS proxies between nodes: what a site has in front of its machines. zoe listens in the clear behind two of them,
takes direct connections besides, and somebody else comes by a proxy of his own; all of them learn together."""
import os
import re
import shutil
import socket
import unittest

import certificates
import support

HAPROXY, NGINX, STUNNEL = map(shutil.which, ("haproxy", "nginx", "stunnel4"))
STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"
ROUNDS = 5


def setUpModule():
    for name, found in (("openssl", certificates.OPENSSL), ("haproxy", HAPROXY), ("nginx", NGINX), ("stunnel4", STUNNEL),
                        ("nginx's stream module", os.path.exists(STREAM))):
        if not found:
            raise unittest.SkipTest(f"{name} is not installed")
    support.own_network()


def accepts(address):
    host, port = address.rsplit(":", 1)
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


class Proxied(support.Case):
    def setUp(self):
        super().setUp()
        self.site = certificates.Authority(self.folder / "site", name="site", organization="site")
        self.make_proxy_certificate("IP:127.0.0.1,DNS:localhost")

    def make_proxy_certificate(self, names):
        """Of the site's own authority, which the flock knows nothing of."""
        made = self.site.issue(self.folder / "proxy", "/CN=proxy.example", [
            "basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth",
            f"subjectAltName={names}"])
        made.write_chain(self.folder / "proxy-chain.pem")
        certificates.join_files(self.folder / "proxy-both.pem", self.folder / "proxy-chain.pem", made.key)

    def address_of_proxy(self):
        return f"127.0.0.1:{support.free_port()}"

    def start_proxy(self, address, *command, **options):
        # Proxies get none of what the sanitizers need; they end with the test.
        process = self.start(*command[1:], command=command[0], **options)
        support.wait_for(lambda: accepts(address) or not process.running(), 20, f"{command[0]} to listen")
        self.assertTrue(process.running(), process.output())
        return process

    def start_haproxy(self, target):
        """TLS on this side, the clear on the other."""
        front = self.address_of_proxy()
        file = self.folder / "haproxy.cfg"
        file.write_text(f"""\
global
  maxconn 100
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend f
  bind {front} ssl crt {self.folder}/proxy-both.pem ssl-min-ver TLSv1.3
  default_backend b
backend b
  server zoe {target}
""", encoding="utf-8")
        self.start_proxy(front, HAPROXY, "-db", "-f", file)
        return front

    def start_nginx(self, target):
        front = self.address_of_proxy()
        file = self.folder / "nginx.conf"
        file.write_text(f"""\
load_module {STREAM};
daemon off;
master_process off;
pid {self.folder}/nginx.pid;
error_log stderr;
events {{ }}
stream {{
  server {{
    listen {front} ssl;
    ssl_certificate {self.folder}/proxy-chain.pem;
    ssl_certificate_key {self.folder}/proxy.key;
    ssl_protocols TLSv1.3;
    proxy_pass {target};
  }}
}}
""", encoding="utf-8")
        self.start_proxy(front, NGINX, "-e", "stderr", "-p", self.folder, "-c", file)
        return front

    def start_stunnel(self, target, authority):
        """The way out: the clear on this side, TLS on the other, whose certificate it checks."""
        front = self.address_of_proxy()
        file = self.folder / "stunnel.conf"
        file.write_text(f"""\
foreground = yes
pid =
[out]
client = yes
accept = {front}
connect = {target}
sslVersion = TLSv1.3
verifyChain = yes
CAfile = {authority}
checkIP = 127.0.0.1
""", encoding="utf-8")
        self.start_proxy(front, STUNNEL, file)
        return front

    # ---- nodes ----

    def make_flock(self, *names):
        from driver.kits import merge
        self.make_kits(*names, settings={**support.IDLE, "flock": {"start_nodes": len(names)},
                                         "round": {"rounds": ROUNDS, "deadline_min": 60, "deadline_max": 60}})
        for seed, name in enumerate(names):
            self.edit(name, lambda value, seed=seed: merge(value, {"flock": {"seed": 1 + seed}}))

    def transport(self, name, **settings):
        self.edit(name, lambda value: {**value, "transport": {**value["transport"], **settings}})

    def rule(self, name, connect_to, security, **more):
        """How `name` dials zoe."""
        self.transport(name, peers=[{"connect_to": connect_to, "connection_security": security, "node": "zoe", **more}])

    def zoe_listens(self):
        """Directly, behind a proxy, and with TLS for who comes by a proxy of his own."""
        self.direct, self.behind, self.tls = (f"127.0.0.1:{support.free_port()}" for _ in range(3))
        self.transport("zoe", listen=[self.direct,
                                      {"address": self.behind, "connection_security": "clear", "proxy": True},
                                      {"address": self.tls, "connection_security": "tls"}],
                       advertise=[self.direct])

    def start_zoe(self):
        zoe = self.start("node", self.settings("zoe"))
        support.wait_for(lambda: all(map(accepts, (self.direct, self.behind, self.tls))) or not zoe.running(), 20,
                         "zoe's listeners")
        self.assertTrue(zoe.running(), zoe.output())
        return zoe

    def how(self, node, peer):
        """(address, security) of a node's line about the peer that it admitted."""
        for line in node.output().splitlines():
            if "peer admitted" in line and re.search(rf"\bpeer={peer}\b", line):
                return tuple(re.search(rf"\b{key}=(\S+)", line)[1] for key in ("address", "security"))
        return None


class Flock(Proxied):
    def test_a_flock_through_proxies_both_ways(self):
        names = ("anna", "ben", "carl", "dora", "zoe")
        self.make_flock(*names)
        self.zoe_listens()
        site = str(self.site.pem)
        ways = {"anna": (self.start_haproxy(self.behind), "tls"), "ben": (self.start_nginx(self.behind), "tls"),
                "carl": (self.direct, "mtls"), "dora": (self.start_stunnel(self.tls, self.folder / "flock/ca.pem"), "clear")}
        for name, (address, security) in ways.items():
            self.rule(name, address, security, **({"custom_ca_cert": site} if security == "tls" else {}))
        nodes = {"zoe": self.start_zoe()}
        for name, (address, _) in ways.items():
            nodes[name] = self.start("node", self.settings(name), "--join", address)
        for name, node in nodes.items():
            self.assertEqual(0, node.wait(120), f"{name}:\n{node.output()[-4000:]}")
        finishes = [support.events(self.record(name), "finish")[-1] for name in names]
        self.assertEqual([("ok", ROUNDS)] * len(names), [(one["status"], one["rounds_completed"]) for one in finishes])
        self.assertEqual(1, len({one["model_sha256"] for one in finishes}))
        for name in names:
            self.assertTrue(all(event["clean"] for event in support.events(self.record(name), "mixed")))
        for name, way in ways.items():
            self.assertEqual(way, self.how(nodes[name], "zoe"), nodes[name].output())
        self.assertEqual({"anna": "clear", "ben": "clear", "carl": "mtls", "dora": "tls"},
                         {name: self.how(nodes["zoe"], name)[1] for name in ways})


class Refused(Proxied):
    """anna dials the proxy, and does not like what it shows."""

    def refuse(self, words, **rule):
        self.make_flock("anna", "zoe")
        self.zoe_listens()
        front = self.start_haproxy(self.behind)
        self.rule("anna", front, "tls", **rule)
        self.start_zoe()
        anna = self.start("node", self.settings("anna"), "--join", front)
        support.wait_for(lambda: re.search("peer refused|refused by peer|connection failed", anna.output()), 20, "a refusal")
        self.assertRegex(anna.output(), f"(peer refused|connection failed).*{words}")
        self.assertNotIn("peer admitted", anna.output())

    def test_without_the_proxys_authority(self):
        self.refuse("issuer|authority")

    def test_with_another_authority(self):
        other = certificates.Authority(self.folder / "other", name="other")
        self.refuse("issuer|authority", custom_ca_cert=str(other.pem))

    def test_of_another_host(self):
        self.make_proxy_certificate("DNS:elsewhere.example")
        self.refuse("host", custom_ca_cert=str(self.site.pem))

    def test_a_member_as_a_proxy_gains_nothing(self):
        """A proxy with a certificate of the flock's, in front of another node than the one that is wanted."""
        self.make_flock("anna", "mary", "zoe")
        self.zoe_listens()
        self.transport("mary", listen=[{"address": self.behind, "connection_security": "clear", "proxy": True}],
                       advertise=["127.0.0.1:9"])
        front = self.start_haproxy(self.behind)
        self.rule("anna", front, "tls", custom_ca_cert=str(self.site.pem))
        mary = self.start("node", self.settings("mary"))
        support.wait_for(lambda: accepts(self.behind) or not mary.running(), 20, "mary's listener")
        self.assertTrue(mary.running(), mary.output())
        anna = self.start("node", self.settings("anna"), "--join", front)
        support.wait_for(lambda: re.search("peer refused.*wanted was zoe", anna.output()), 20, "anna's reason")
        self.assertNotIn("peer admitted", anna.output())


class Changed(Proxied):
    def test_the_authority_of_a_proxy_is_another_while_the_node_runs(self):
        self.make_flock("anna", "zoe")
        self.zoe_listens()
        front, authority = self.start_haproxy(self.behind), self.folder / "proxy-ca.pem"
        site = self.site.pem.read_text()
        authority.write_text(site)
        self.rule("anna", front, "tls", custom_ca_cert=str(authority))
        for name in ("anna", "zoe"):
            self.edit(name, lambda value: {**value, "round": {**value["round"], "rounds": 1000000}})
        self.start_zoe()
        anna = self.start("node", self.settings("anna"), "--join", front)

        def replace(text):
            (self.folder / "new.pem").write_text(text)
            os.replace(self.folder / "new.pem", authority)

        def wait_for_line(words, count=1):
            support.wait_for(lambda: len(re.findall(words, anna.output())) >= count or not anna.running(), 30, words)
            self.assertTrue(anna.running(), anna.output()[-2000:])

        wait_for_line("peer up")
        replace("no certificate")
        wait_for_line("not reloaded.*custom_ca_cert")
        self.assertNotIn("peer down", anna.output())  # the former one stays
        other = certificates.Authority(self.folder / "other", name="other").pem.read_text()
        replace(other)
        wait_for_line("peer down.*outer TLS: certificate")
        wait_for_line("(peer refused|connection failed).*outer TLS: certificate")
        self.assertEqual(1, anna.output().count('msg="peer up"'))
        replace(other + site)
        wait_for_line("peer up", 2)


class Missing(Proxied):
    def test_a_missing_file_means_no_start(self):
        self.make_flock("anna", "zoe")
        self.rule("anna", "127.0.0.1:9", "tls", custom_ca_cert="nowhere.pem")
        result = self.run_program("node", self.settings("anna"), timeout=20)
        self.assertNotIn(result.returncode, (0, -6, -11))
        self.assertIn("nowhere.pem", result.stderr)

    def test_a_path_of_a_certificate_belongs_to_tls_alone(self):
        self.make_flock("anna", "zoe")
        self.rule("anna", "127.0.0.1:9", "mtls", custom_ca_cert=str(self.site.pem))
        result = self.run_program("settings", "check", self.settings("anna"))
        self.assertNotEqual(0, result.returncode)
        self.assertIn("custom_ca_cert", result.stderr)


if __name__ == "__main__":
    unittest.main()
