"""Where the nodes' addresses are: on this machine's loopback, or each in a network namespace of its own.

A namespace has no name: it belongs to a process that holds it and that ends with the driver, however that dies, and with the
last process in it the kernel takes away the namespace and its devices. So nothing is ever left behind, and this machine's own
network is not touched: bridge and cables are made inside a namespace too, the hub.

    node 0: eth0 ---- p0 [        ]
    node 1: eth0 ---- p1 [ bridge ]  hub
    node 2: eth0 ---- p2 [        ]
"""
import ctypes
import os
import shutil
import subprocess

from .kits import Failure, free_ports, has_ipv6
from .links import Links
from .processes import end_with_driver

CLONE_NEWNET = 0x40000000
PORT = 7400
MOST_NODES = 1000
BRIDGE = "02:00:00:00:ff:ff"  # what is sent to it goes nowhere: the hub has no address and forwards nothing
_libc = ctypes.CDLL(None)


class Loopback:
    """All nodes beside each other; every second one on [::1] where the machine has it."""

    cuts = False  # links can be cut

    def __init__(self, count):
        families = ("127.0.0.1", "::1") if has_ipv6() else ("127.0.0.1",)
        hosts = [families[index % len(families)] for index in range(count)]
        self.places = list(zip(hosts, free_ports(hosts)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def enter(self, _index):
        """What a command begins with that runs where the node's address is."""
        return []


def _unshare():
    end_with_driver(os.getppid())
    if _libc.unshare(CLONE_NEWNET) != 0:
        os._exit(1)


class Namespace:
    """A network of its own, held by a process that sleeps."""

    def __init__(self):
        self.holder = subprocess.Popen(["sleep", "infinity"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       start_new_session=True, preexec_fn=_unshare)
        if not self._has_begun():
            self.close()
            raise Failure("--netns: this system allows no network namespace, even to root", os.EX_NOPERM)

    def _has_begun(self):
        try:
            return os.readlink(f"/proc/{self.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net")
        except OSError:  # it has ended
            return False

    @property
    def enter(self):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]

    def call(self, *command, text=None):
        """One command in there; it has to succeed."""
        result = subprocess.run([*self.enter, *command], input=text, stdin=None if text else subprocess.DEVNULL,
                                capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise Failure(f"{' '.join(command)} failed: {result.stderr.strip()}", os.EX_OSERR)

    def ip(self, *lines):
        self.call("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Namespaces:
    """The hub and a namespace a node. Nodes are named by their index."""

    cuts = True

    def __init__(self, count, program, folder, say=print):
        if os.geteuid() != 0:
            raise Failure("--netns needs root: it makes network namespaces", os.EX_NOPERM)
        for tool in ("ip", "tc", "nsenter"):
            if not shutil.which(tool):
                raise Failure(f"--netns needs {tool}: testnet/setup netns installs it", os.EX_UNAVAILABLE)
        if count > MOST_NODES:
            raise Failure(f"--netns has places for {MOST_NODES} nodes", os.EX_USAGE)
        hosts = [f"10.77.{(index + 1) // 250}.{(index + 1) % 250 + 1}" for index in range(count)]
        self.places = [(host, PORT) for host in hosts]
        self.one_way = set()  # (from, to): what is cut now
        self.held = []
        try:
            self._make(hosts, program, folder, say)
        except BaseException:
            self.close()
            raise

    def _make(self, hosts, program, folder, say):
        self.hub = self._namespace()
        self.hub.ip("link set lo up", f"link add br0 address {BRIDGE} type bridge forward_delay 0 mcast_snooping 0",
                    "link set br0 up")
        self.nodes = [self._namespace() for _ in hosts]
        for index, (host, node) in enumerate(zip(hosts, self.nodes)):
            self.hub.ip(f"link add p{index} type veth peer name eth0 netns {node.holder.pid}",
                        f"link set p{index} master br0", f"link set p{index} up")
            node.ip("link set lo up", f"addr add {host}/16 dev eth0", "link set eth0 up")
        self.links = Links(self, program, folder, say)

    def _namespace(self):
        self.held.append(Namespace())
        return self.held[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if hasattr(self, "links"):
            self.links.close()
        for namespace in self.held:
            namespace.close()
        self.held = []

    def enter(self, index):
        return self.nodes[index].enter

    def cut_one_way(self, sender, receiver):
        """From now on what `sender` sends to `receiver` is lost, without a word to either: it goes to the bridge itself."""
        self.one_way.add((sender, receiver))
        host = self.places[receiver][0]
        self.nodes[sender].ip(f"neigh replace {host} lladdr {BRIDGE} dev eth0 nud permanent")

    def cut(self, one, other):
        self.cut_one_way(one, other)
        self.cut_one_way(other, one)

    def heal(self, one, other):
        """Both ways; what was not cut stays as it is."""
        for sender, receiver in ((one, other), (other, one)):
            if (sender, receiver) in self.one_way:
                self.one_way.remove((sender, receiver))
                self.nodes[sender].ip(f"neigh del {self.places[receiver][0]} dev eth0")

    def heal_all(self):
        for sender, receiver in list(self.one_way):
            self.heal(sender, receiver)


def make(options):
    """The network that was asked for; a context, at whose end it is gone."""
    if not options.netns:
        return Loopback(options.nodes)
    return Namespaces(options.nodes, options.program, options.run_dir)
