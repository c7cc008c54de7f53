"""A node's link to the others: loss, delay, rate and their like, in each direction.

The kernel's netem does it where it has one. Elsewhere a program of ours (testnet/link) stands between the node's cable and the
bridge, and tbf, which is older than netem and nearly everywhere, limits the rate."""
import dataclasses
import os
import pathlib
import re
import subprocess

from .kits import Failure
from .processes import end_with_driver

RATE_UNITS = {"kbit": 1e3, "mbit": 1e6, "gbit": 1e9}
TIME_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
QUEUE = 0.4  # s that tbf lets packets wait


@dataclasses.dataclass
class Link:
    """Shares are of packets, times one way; 0: none of it."""
    loss: float = 0.0
    delay: float = 0.0  # s
    jitter: float = 0.0  # s, more or less than the delay, so that packets overtake each other
    duplicate: float = 0.0
    rate: float = 0.0  # bit/s

    @property
    def changes_packets(self):
        return bool(self.loss or self.delay or self.jitter or self.duplicate)


def _number(text, units):
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z%]+)", text)
    if not match or match[2] not in units:
        raise ValueError(f"{text!r}: expected a number and one of {', '.join(units)}")
    return float(match[1]) * units[match[2]]


KINDS = {"loss": {"%": 0.01}, "duplicate": {"%": 0.01}, "delay": TIME_UNITS, "jitter": TIME_UNITS, "rate": RATE_UNITS}


def parse(text):
    """loss=5% delay=100ms rate=10mbit; "clear" is a link without a fault. ValueError says what is wrong."""
    link = Link()
    for word in text.split():
        if word == "clear":
            continue
        key, equals, value = word.partition("=")
        if key not in KINDS or not equals:
            raise ValueError(f"{word!r}: expected one of {', '.join(KINDS)} with a value, as loss=5%")
        setattr(link, key, _number(value, KINDS[key]))
    if link.jitter > link.delay:
        raise ValueError("jitter: it cannot be more than the delay")
    if max(link.loss, link.duplicate) > 1:
        raise ValueError("loss and duplicate: at most 100%")
    return link


def parse_named(text):
    """NODE: LINK"""
    name, colon, rest = text.partition(":")
    if not colon or not rest.strip():
        raise ValueError(f"{text!r}: expected NODE: loss=5% delay=100ms rate=10mbit")
    return name.strip(), parse(rest)


class Wire:
    """testnet/link between a node's cable and the bridge."""

    def __init__(self, network, program, index, link, seed, log):
        arguments = ["--loss", link.loss, "--delay", link.delay, "--jitter", link.jitter, "--duplicate", link.duplicate,
                     "--seed", seed]
        command = [*network.hub.enter, program, f"p{index}", f"t{index}", *map(str, arguments)]
        parent = os.getpid()
        with open(log, "ab") as errors:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                          start_new_session=True, preexec_fn=lambda: end_with_driver(parent))
        if self.child.stdout.readline() != b"ready\n":
            self.close()
            raise Failure(f"{program} failed; see {log}", os.EX_OSERR)

    def close(self):
        self.child.terminate()
        self.child.wait()
        self.child.stdout.close()


class Links:
    def __init__(self, network, program, folder, say):
        self.network, self.folder, self.say = network, pathlib.Path(folder), say
        self.program = pathlib.Path(program).parent / "testnet" / "link" / "link"
        self.wires = {}
        self.count = 0
        self.netem = self._has_netem()

    def _has_netem(self):
        probe = subprocess.run([*self.network.hub.enter, "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"],
                               capture_output=True, check=False)
        if probe.returncode == 0:
            self.network.hub.call("tc", "qdisc", "del", "dev", "lo", "root")
        return probe.returncode == 0

    def set(self, index, link):
        """Instead of what the node's link was before."""
        self._clear(index)
        if self.netem:
            self._set_netem(index, link)
        else:
            self._set_wire(index, link)

    def _ends(self, index):
        return (self.network.nodes[index], "eth0"), (self.network.hub, f"p{index}")

    def _clear(self, index):
        for namespace, device in self._ends(index):
            subprocess.run([*namespace.enter, "tc", "qdisc", "del", "dev", device, "root"], capture_output=True, check=False)
        if index in self.wires:
            self.wires.pop(index).close()  # its end of the bridge goes with it
            self.network.hub.ip(f"link set p{index} master br0")

    def _set_netem(self, index, link):
        words = [f"delay {link.delay}s {link.jitter}s" if link.delay else "", f"loss {100 * link.loss}%" if link.loss else "",
                 f"duplicate {100 * link.duplicate}%" if link.duplicate else "",
                 f"rate {int(link.rate)}bit" if link.rate else ""]
        for namespace, device in self._ends(index):
            namespace.call("tc", "qdisc", "add", "dev", device, "root", "netem", "limit", "100000", *" ".join(words).split())
        self.say(f"link {index + 1}: netem")

    def _set_wire(self, index, link):
        if link.rate:
            burst = max(16000, int(link.rate / 8 / 250))
            for namespace, device in self._ends(index):
                namespace.call("tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{int(link.rate)}bit", "burst",
                               str(burst), "latency", f"{QUEUE}s")
        if link.changes_packets:
            self._interpose(index, link)
        used = [name for name, use in (("tbf", link.rate), ("testnet/link", link.changes_packets)) if use]
        self.say(f"link {index + 1}: {' and '.join(used) or 'clear'} (this kernel has no netem)")

    def _interpose(self, index, link):
        """Packets have to be as they are on a real wire: the kernel's shortcuts for large ones and for checksums are off."""
        if not self.program.exists():
            raise Failure(f"{self.program} is not built: it belongs to the build folder of the program", os.EX_UNAVAILABLE)
        self.network.nodes[index].call("ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        self.count += 1
        self.wires[index] = Wire(self.network, self.program, index, link, 1000 * index + self.count,
                                 self.folder / f"link-{index + 1}.log")
        self.network.hub.ip(f"link set p{index} nomaster", f"link set t{index} master br0", f"link set t{index} up")

    def close(self):
        for wire in self.wires.values():
            wire.close()
        self.wires = {}
