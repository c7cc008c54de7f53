"""All recorded connections of a flock: both ends agree, graphs and rosters are the page's, and each update of an averaging
round is the mean, to the bit, that sections 6 and 7 of docs/protocol.md tell."""
import array
import collections
import dataclasses
import hashlib
import pathlib
import sys

from . import int8, overlay
from .conversation import UPDATE, Conversation, Pair
from .signatures import Certificates
from .wire import require


@dataclasses.dataclass
class Payload:
    manifest: dict
    data: bytes = None


INT8 = 1


def values(payload):
    if payload.manifest["encoding"] == INT8:
        require(int8.is_sound(payload.data), "values that are no numbers")
        return int8.values(payload.data)
    return floats(payload.data)


def floats(data):
    read = array.array("f", data)
    if sys.byteorder == "big":
        read.byteswap()
    return read


def sums(sources):
    """Σ c q in double, in the order given."""
    total = [0.0] * len(sources[0][1])
    for coefficient, update in sources:
        total = [before + coefficient * value for before, value in zip(total, update)]
    return total


class Flock:
    """`settings`: name, run, epoch, seed, topology as the flock's own settings have them; by_samples: mix.weights."""

    def __init__(self, authority, name, run="default", epoch=0, seed=1, topology="full", by_samples=True):
        self.certificates = Certificates(authority)
        self.name, self.run, self.epoch, self.seed = name, run, epoch, seed
        self.topology, self.by_samples = topology, by_samples
        self.leaving = set()
        self.pairs = collections.defaultdict(Pair)  # (whose view, peer)
        self.chains = {}    # node: the client certificates that it signed a statement with
        self.payloads = {}  # (origin, kind, round, digest of the manifest): Payload
        self.words = {}     # (node, incarnation): what it says of itself
        self.members = {}   # node: the newest of these
        self.edges = {}     # round: {(decider, follower)} that counted
        self.sent = collections.defaultdict(set)  # round: {(origin, receiver)} whose payload went over whole
        self.lineages = {}  # (node, boot)
        self.counts = collections.Counter()  # frames by type

    # ---- what conversations tell ----

    def pair(self, node, peer):
        return self.pairs[node, peer]

    def word(self, said):
        """What a node says of itself: one statement an incarnation, whoever passes it on."""
        known = self.words.setdefault((said["node"], said["incarnation"]), said)
        require(known == said, "one says something new of itself at its old incarnation")
        if said["incarnation"] >= self.members.setdefault(said["node"], said)["incarnation"]:
            self.members[said["node"]] = said

    def announced(self, offer):
        manifest = offer.manifest
        require(manifest["epoch"] == self.epoch, "another epoch")
        key = manifest["origin"], manifest["kind"], manifest["round"]
        known = self.payloads.setdefault(key, Payload(manifest))
        require(known.manifest == manifest, "another manifest than the other peers have")

    def arrived(self, offer, origin, receiver):
        manifest = offer.manifest
        payload = self.payloads[origin, manifest["kind"], manifest["round"]]
        if payload.data is None:
            payload.data = bytes(offer.data)
        require(payload.data == offer.data, "another payload than the other peers have")
        offer.data = payload.data  # held once
        if manifest["kind"] == UPDATE:
            self.sent[manifest["round"]].add((origin, receiver))

    def counted(self, decider, follower, number):
        self.edges.setdefault(number, set()).add((decider, follower))

    def lineage(self, node, boot, lineage):
        require(self.lineages.setdefault((node, boot), lineage) == lineage, "another lineage in one process")

    # ---- what holds for all together ----

    def read(self, folders):
        """`folders`: {node: the folder of its tap}."""
        ends = collections.defaultdict(list)
        for node, folder in sorted(folders.items()):
            for path in sorted(pathlib.Path(folder).glob("*.tap"), key=lambda path: int(path.stem)):
                conversation = Conversation(self, node).read(path.read_bytes())
                self.counts.update(conversation.count)
                ends[conversation.exporter].append(conversation)
        for both in ends.values():
            self.check_ends(both)
        return self

    def read_outside(self, node, folder):
        """Connections in the clear that `node` dialled, recorded on their way."""
        for path in sorted(pathlib.Path(folder).glob("*.tap"), key=lambda path: int(path.stem)):
            conversation = Conversation(self, node, outside=True).read(path.read_bytes())
            self.counts.update(conversation.count)
        return self

    @staticmethod
    def check_ends(both):
        """One session, tapped at each end."""
        require(len(both) == 2, "a session that one end alone knows")
        for a, b in (both, both[::-1]):
            require(a.client != b.client, "two clients or two servers")
            require(b.peer in (None, a.node), "not whom it takes it for")
            sent, received = a.sides[">"].frames.digests, b.sides["<"].frames.digests
            # The last ones may be lost where an end did not wait for them.
            require(sent[:len(received)] == received, "frames that changed on their way")

    def roster(self, number):
        """Section 4: who takes part in a round, as they all say in the end."""
        listed = {name for name, entry in self.members.items()
                  if 0 < entry["from_round"] <= number and (entry["until_round"] == 0 or entry["until_round"] > number)}
        return sorted(listed)

    def updates(self, number):
        return {origin: payload for (origin, kind, t), payload in self.payloads.items()
                if kind == UPDATE and t == number}

    def graph(self, number):
        seed = overlay.seed_of(self.run, self.epoch, self.seed)
        return overlay.neighbours(self.topology, self.roster(number), seed, number)

    def check_round(self, number):
        """A round without faults: each member of the roster tells its degree, view and samples as the page has them,
        sends its update to its neighbours of the graph and nobody else, and all edges count."""
        graph, updates = self.graph(number), self.updates(number)
        view = hashlib.sha256(b"".join(name.encode() + b"\0" for name in sorted(graph))).digest()
        require(sorted(updates) == sorted(graph), f"round {number}: updates of {sorted(updates)}")
        samples = {name: self.members[name]["samples"] for name in graph}
        for origin, payload in updates.items():
            told = payload.manifest
            require(told["degree"] == len(graph[origin]), f"{origin} tells another degree")
            require(told["view"] == view, f"{origin} tells another view")
            require(told["samples"] == samples[origin], f"{origin} tells other samples than its roster entry")
            total = sum(samples.values()) if self.by_samples else len(samples)
            require(told["total_samples"] == total, f"{origin} tells another total")
        ways = {(a, b) for a in graph for b in graph[a]}
        require(self.sent[number] == ways, f"round {number}: not the page's graph: {sorted(self.sent[number] ^ ways)}")
        edges = {(a, b) for a, b in ways if a < b}
        require(self.edges.get(number) == edges, f"round {number}: edges that did not count")
        return graph

    def mix(self, number, node):
        """Σ c q / divisor of a node after a round without faults, not yet rounded."""
        graph, updates = self.graph(number), self.updates(number)
        told = {name: payload.manifest for name, payload in updates.items()}
        if overlay.is_full(graph):
            weight = {name: float(told[name]["samples"] if self.by_samples else 1) for name in graph}
            divisor = float(sum(weight.values()))
        else:
            weight = {name: 1 / (1 + max(told[node]["degree"], told[name]["degree"])) for name in graph[node]}
            divisor = 1.0
        home = divisor
        for name in sorted(graph[node]):
            home -= weight[name]
        weight[node] = home
        names = sorted({node, *graph[node]})
        total = sums([(weight[name], values(updates[name])) for name in names])
        return [value / divisor for value in total]

    def check_averaging(self, number):
        """What each node sends in an averaging round is what it came to in the round before."""
        for node, payload in self.updates(number).items():
            model = array.array("f", self.mix(number - 1, node))
            if sys.byteorder == "big":
                model.byteswap()
            require(model.tobytes() == payload.data, f"{node}: another model than the mean of round {number - 1}")

    def check_joined(self, number, models):
        """In int8 the update is not the model: `models` (node: those after the round before and after this one, in which
        nobody trained) differ by what the differences of the updates come to."""
        for node, payload in self.updates(number).items():
            before, after = models[node]
            own = values(payload)
            joined = array.array("f", [value + (was - sent) for value, was, sent in
                                       zip(self.mix(number, node), before, own)])
            require(joined == after, f"{node}: another model than the differences of round {number} make")
            steps = int8.scales(payload.data)
            far = [at for at, (was, sent) in enumerate(zip(before, own))
                   if abs(was - sent) > steps[at // int8.BLOCK] * 1.000001]
            require(not far, f"{node}: what it sent in round {number} is further than a step from its model")
