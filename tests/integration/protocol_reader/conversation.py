"""Sections 1, 3, 4, 5 and 6 of docs/protocol.md for one connection, as one end of it saw it."""
import dataclasses
import hashlib
import struct
import time

from . import wire
from .wire import Fault, require

RECORD = struct.Struct(">cI")
ADMISSION_MAX = 65536
BEFORE_ADMISSION = ("HELLO", "HELLO_ACK", "GOODBYE")
UPDATE, SNAPSHOT = 1, 2
COUNT = 1
ALIVE, SUSPECT, DROPPED, LEFT = 1, 2, 3, 4
VERSION = 3
PROOF = ("chain", "proof", "delegate", "delegation", "delegated_until")
LIFE = 8 * 86400  # s, of a delegation, a day for clocks that differ


def records(data):
    """(kind, bytes) of a file that the tap wrote."""
    at = 0
    while at < len(data):
        require(at + RECORD.size <= len(data), "a record that is cut short")
        kind, length = RECORD.unpack_from(data, at)
        at += RECORD.size
        require(at + length <= len(data), "a record that is cut short")
        yield kind.decode("latin-1"), data[at:at + length]
        at += length


@dataclasses.dataclass
class Offer:
    """A payload that one node announced to another."""
    manifest: dict
    digest: bytes
    data: bytearray = dataclasses.field(default_factory=bytearray)
    credit: int = 0
    began: bool = False  # its first credit was given
    checked: int = 0  # chunks
    cancelled: bool = False

    @property
    def whole(self):
        return len(self.data) == self.manifest["payload_bytes"]

    def add(self, offset, data):
        manifest = self.manifest
        require(offset == len(self.data), f"data at {offset} where {len(self.data)} was due")
        require(offset + len(data) <= self.credit, "data beyond its credit")
        first, last = offset // manifest["chunk_bytes"], (offset + len(data) - 1) // manifest["chunk_bytes"]
        require(first == last, "data across the end of a chunk")
        self.data += data
        end = min((first + 1) * manifest["chunk_bytes"], manifest["payload_bytes"])
        if len(self.data) == end:
            digest = hashlib.sha256(self.data[first * manifest["chunk_bytes"]:]).digest()
            require(digest == manifest["chunk_digests"][32 * first:32 * first + 32], "a chunk with another digest")
            self.checked += 1

    def go_on(self, begin, formers):
        """The bytes before that came by a former offer of the same manifest."""
        require(not self.began, "a later credit that begins elsewhere")
        require(begin % self.manifest["chunk_bytes"] == 0, f"credit from {begin}, where no chunk begins")
        former = next((offer for offer in formers if len(offer.data) >= begin), None)
        require(former is not None, f"credit from {begin}, but what is before it never came")
        self.data = former.data[:begin]
        self.checked = begin // self.manifest["chunk_bytes"]


class Pair:
    """What outlives a connection of two nodes: updates, promises and verdicts by (epoch, round)."""

    def __init__(self):
        self.updates = {}   # (sender, epoch, round): Offer
        self.offers = {}    # (sender, digest of the manifest): all Offers of it
        self.readies = {}   # (epoch, round): READY
        self.verdicts = {}  # (epoch, round, both lineages): its value


class Side:
    """One direction: what one node says."""

    def __init__(self, tagged=False):
        self.frames = wire.Frames(tagged)
        self.bytes = 0
        self.hello = None
        self.chain = ()  # its client certificates
        self.acknowledged = self.goodbye = self.closed = False
        self.offers = {}  # by transfer number
        self.pings = []
        self.probes = []  # nodes that it asked for
        self.progress = None
        self.asked = 0  # for models
        self.parts = {}  # of CRL and PROOF, by type
        self.words = set()  # (node, incarnation) of which it has told the node's own statement


class Conversation:
    """Reads one file. `node` is whose end it is; `flock` has the certificates and takes what is found. `outside`: what
    somebody on the path sees of a connection in the clear that `node` dialled; he has neither exporter nor keys."""

    def __init__(self, flock, node, outside=False):
        self.flock, self.node, self.peer, self.pair = flock, node, None, None
        self.client, self.exporter, self.outside = (True if outside else None), None, outside
        self.own = None   # the certificate that this end showed in TLS, the peer's are the chain
        self.chain = []
        self.sides = {">": Side(outside), "<": Side(outside)}
        self.count = {}

    def read(self, data):
        for kind, content in records(data):
            if kind in "CS":
                require(self.exporter is None and len(content) == 32, "a second session")
                self.client, self.exporter = kind == "C", content
            elif kind == "O":
                self.own = content
            elif kind == "P":
                self.chain.append(content)
            elif kind in "><":
                self.hear(kind, content)
            elif kind in ")(":
                self.close({")": ">", "(": "<"}[kind])
            else:
                raise Fault(f"record kind {kind!r}")
        return self

    def hear(self, arrow, data):
        side = self.sides[arrow]
        require(not side.closed, "bytes after close_notify")
        for kind, message in side.frames.feed(data):
            try:
                self.take(arrow, kind, message)
            except Fault as fault:
                raise Fault(f"{self.node} {arrow} {self.peer}: {kind}: {fault}") from None
        side.bytes += len(data)
        admitted = self.sides["<" if arrow == ">" else ">"].acknowledged
        require(admitted or side.bytes <= ADMISSION_MAX, "too many bytes before admission")

    def close(self, arrow):
        side = self.sides[arrow]
        if not side.closed:
            require(not side.frames.waiting, "close_notify inside a frame")
        side.closed = True

    # ---- what every frame is held against ----

    def take(self, arrow, kind, message):
        side, other = self.sides[arrow], self.sides["<" if arrow == ">" else ">"]
        self.count[kind] = self.count.get(kind, 0) + 1
        if kind == "HANDSHAKE":  # TLS in frames: Frames has seen that they come first
            return
        require(not side.goodbye, "a frame after GOODBYE")
        require((side.hello is None) == (kind == "HELLO") or kind == "GOODBYE", "HELLO is first, and once")
        if kind not in BEFORE_ADMISSION:
            require(side.acknowledged, "sent before HELLO_ACK")
            # What this end sends, it sends when it knows that it is admitted. Of the other end it can't be known.
            require(arrow == "<" or self.outside or other.acknowledged, "sent before the other's HELLO_ACK was there")
        getattr(self, f"on_{kind.lower()}")(arrow, side, other, message)

    def sender(self, arrow):
        return self.node if arrow == ">" else self.peer

    def receiver(self, arrow):
        return self.peer if arrow == ">" else self.node

    # ---- section 1 ----

    def on_hello(self, arrow, side, _other, hello):
        require(hello["version_min"] <= VERSION <= hello["version_max"], "another version")
        dialled = (arrow == ">") == self.client
        require((hello["flock"], hello["run"]) == (self.flock.name, self.flock.run), "another flock or run")
        if dialled:
            require(not any(hello[field] for field in PROOF), "a dialler with a proof")
            side.chain = self.shown(arrow)
        else:
            side.chain = tuple(hello["chain"])
            self.check_delegation(hello)
        holder = self.flock.certificates.holder(side.chain, "client") if side.chain else None
        require(holder in (None, (hello["flock"], hello["node"])), f"the certificate is of {holder}")
        require(holder is not None or self.outside or arrow == ">", "no certificate")
        if arrow == ">":
            require(hello["node"] == self.node, "another node's name")
        else:
            require(hello["node"] != self.node, "the node itself")
            self.peer = hello["node"]
            self.pair = self.flock.pair(self.node, self.peer)
        if arrow == "<" and not self.outside:
            shown = self.flock.certificates.holder(tuple(self.chain), "client" if dialled else "server")
            require(shown == holder, f"TLS's certificate is of {shown}")
        side.hello = hello

    def shown(self, arrow):
        """The client certificate that the dialler showed in TLS, as far as this end knows it."""
        if self.outside:
            return ()
        return tuple(self.chain) if arrow == "<" else (self.own,)

    def check_delegation(self, hello):
        """The accepter's client key lets a key of its process speak, which signs both public keys of the handshake: the
        accepter's server key, then the dialler's client key."""
        certificates = self.flock.certificates
        require(hello["chain"] and len(hello["delegate"]) == 32, "an accepter without chain or key")
        delegation = (b"starling delegation 1\0" + hello["flock"].encode() + b"\0" + hello["node"].encode() + b"\0"
                      + hello["delegate"] + certificates.key_digest(hello["chain"][0])
                      + hello["delegated_until"].to_bytes(8, "big"))
        certificates.verify(hello["chain"][0], delegation, hello["delegation"])
        # When this was recorded is not known, only that it was not long ago.
        require(abs(hello["delegated_until"] - time.time()) <= LIFE, "a delegation of another time, or too long")
        if self.outside:
            return
        keys = [self.chain[0], self.own] if self.client else [self.own, self.chain[0]]
        proof = (b"starling hello 3\0" + self.exporter + b"".join(map(certificates.key_digest, keys))
                 + hello["boot"].to_bytes(8, "big"))
        certificates.verify_raw(hello["delegate"], proof, hello["proof"])

    def on_hello_ack(self, arrow, side, other, message):
        require(other.hello is not None, "before the other's HELLO")
        require(not side.acknowledged, "a second one")
        require(message["version"] == VERSION, "another version")
        side.acknowledged = True

    def on_goodbye(self, arrow, side, _other, message):
        side.goodbye = True
        if message["leaving"] and self.sender(arrow) is not None:
            self.flock.leaving.add(self.sender(arrow))

    def on_ping(self, _arrow, side, _other, message):
        side.pings.append(message["number"])

    def on_pong(self, _arrow, _side, other, message):
        require(message["number"] in other.pings, "it answers no PING")
        other.pings.remove(message["number"])

    # ---- section 4 ----

    def on_roster(self, _arrow, side, _other, message):
        for statement in message["statements"]:
            self.take_statement(side, statement["body"], tuple(statement["chain"]), statement["signature"])

    def take_statement(self, side, body, chain, signature):
        said = wire.decode(wire.MEMBER_STATEMENT, body)
        node = said["node"], said["incarnation"]
        require((said["flock"], said["run"], said["epoch"]) == (self.flock.name, self.flock.run, self.flock.epoch),
                "of another flock, run or epoch")
        holder = self.flock.certificates.holder(chain, "client")
        require(holder == (self.flock.name, said["origin"]), f"a statement of {said['origin']} by {holder}")
        self.flock.certificates.verify(chain[0], b"starling member 1\0" + body, signature)
        self.flock.chains[said["origin"]] = chain
        require(said["state"] in (DROPPED, LEFT) or said["until_round"] == 0, "until_round of one who takes part")
        require(max(said["from_round"], said["until_round"]) <= 1 << 48, "a round above 2⁴⁸")
        if said["origin"] == said["node"]:
            require(said["state"] in (ALIVE, LEFT), "a member that calls itself suspect or dropped")
            require(1 <= said["samples"] <= 1 << 40, "samples that are not 1 … 2⁴⁰")
            side.words.add(node)
            self.flock.word(said)
        else:
            require(said["state"] in (SUSPECT, DROPPED), "another is called alive or left")
            require((said["samples"], said["from_round"], said["addresses"], said["lineage"]) == (0, 0, [], 0),
                    "what only itself may say")
            require(node in side.words, "an accusation before the word that it is against")

    def on_probe(self, _arrow, side, other, message):
        if message["answer"] == 0:
            side.probes.append(message["node"])
            return
        require(message["node"] in other.probes, "it answers no PROBE")
        other.probes.remove(message["node"])

    def on_neighbour(self, _arrow, _side, _other, _message):
        pass  # flocks of more than 128 alone

    def on_roster_digest(self, _arrow, _side, _other, message):
        parts, listed, tags = message["parts"], message["listed"], message["tags"]
        require(len(parts) in (0, 256), f"{len(parts)} parts")
        require(len(listed) in (0, 32), f"listed: {len(listed)} bytes")
        require(len(message["terms"]) == len(tags), "a tag without a term")
        require(all(a < b for a, b in zip(tags, tags[1:])), "tags out of order")
        for tag in tags:
            require(listed != b"" and listed[tag >> 59] >> (tag >> 56) % 8 & 1, "a tag of a part that is not listed")
        if parts:
            whole = 0
            for part in parts:
                whole ^= part
            require(whole == message["whole"], "the whole is not that of its parts")

    # ---- what is longer than a frame ----

    def on_part(self, side, kind, message):
        whole = side.parts.setdefault(kind, bytearray())
        if message["offset"] == 0:
            whole.clear()
        require(message["offset"] == len(whole), f"a part at {message['offset']} where {len(whole)} was due")
        whole += message["bytes"]
        require(len(whole) <= message["total"], "more than its total")
        return bytes(whole) if len(whole) == message["total"] else None

    def on_crl(self, _arrow, side, _other, message):
        whole = self.on_part(side, "CRL", message)
        if whole is not None:
            self.flock.certificates.check_crl(whole)

    def on_proof(self, _arrow, side, _other, message):
        whole = self.on_part(side, "PROOF", message)
        if whole is not None:
            wire.decode(wire.PROOF_FILE, whole)

    def on_witness(self, _arrow, _side, _other, message):
        require(message["epoch"] == self.flock.epoch, "another epoch")
        origins = [(entry["origin"], entry["kind"], entry["lineage"]) for entry in message["entries"]]
        require(len(set(origins)) == len(origins), "one origin twice")

    def on_evidence(self, _arrow, _side, _other, message):
        manifest = wire.decode_manifest(message["body"])
        holder = self.flock.certificates.holder(tuple(message["chain"]), "client")
        require(holder == (self.flock.name, manifest["origin"]), f"evidence of {holder}")
        self.flock.certificates.verify(message["chain"][0], b"starling manifest 1\0" + message["body"],
                                       message["signature"])

    # ---- section 5 ----

    def on_manifest(self, arrow, side, other, message):
        number = message["transfer"]
        require(number > max(side.offers, default=0), "a transfer number that is not new")
        require((number % 2 == 1) == (self.sender(arrow) < self.receiver(arrow)), "a transfer number of the other's")
        manifest = wire.decode_manifest(message["manifest"])
        require((manifest["flock"], manifest["run"]) == (self.flock.name, self.flock.run), "another flock or run")
        require(manifest["origin"] == self.sender(arrow), "the origin is not the sender")
        chain = side.chain or self.flock.chains.get(self.sender(arrow))
        require(chain, "by one whose certificate was never shown")
        self.flock.certificates.verify(chain[0], b"starling manifest 1\0" + message["manifest"], message["signature"])
        offer = Offer(manifest, hashlib.sha256(message["manifest"]).digest())
        side.offers[number] = offer
        self.pair.offers.setdefault((manifest["origin"], offer.digest), []).append(offer)
        self.flock.announced(offer)
        if manifest["kind"] == SNAPSHOT:
            require(other.asked > 0, "a snapshot that nobody asked for")
            other.asked -= 1
        else:
            require(manifest["round"] >= 1, "an update of round 0")
            self.pair.updates[manifest["origin"], manifest["epoch"], manifest["round"]] = offer

    def on_credit(self, arrow, _side, other, message):
        offer = other.offers.get(message["transfer"])
        require(offer is not None, "of a transfer that was never announced")
        if not offer.cancelled:
            require(offer.credit <= message["until"] <= offer.manifest["payload_bytes"], f"until {message['until']}")
            if message["from"]:
                require(message["from"] < message["until"], "credit that ends before it begins")
                offer.go_on(message["from"], self.pair.offers[self.receiver(arrow), offer.digest])
            offer.credit, offer.began = message["until"], True

    def on_data(self, arrow, side, _other, message):
        number, offset, data = message
        offer = side.offers.get(number)
        require(offer is not None, "of a transfer that was never announced")
        if not offer.cancelled:
            offer.add(offset, data)
            if offer.whole:
                self.flock.arrived(offer, self.sender(arrow), self.receiver(arrow))

    def on_cancel(self, _arrow, side, other, message):
        if message["transfer"] == 0:
            require(other.asked > 0, "of transfer 0, where no model was asked for")
            other.asked -= 1
            return
        offers = [each.offers[message["transfer"]] for each in (side, other) if message["transfer"] in each.offers]
        require(offers, "of a transfer that was never announced")
        offers[0].cancelled = True

    def on_model_request(self, _arrow, side, _other, message):
        require(message["epoch"] == self.flock.epoch, "another epoch")
        side.asked += 1

    # ---- section 6 ----

    def on_ready(self, arrow, _side, _other, message):
        follower, decider = self.sender(arrow), self.receiver(arrow)
        key = message["epoch"], message["round"]
        require(decider < follower, "from the one who decides")
        mine, theirs = (self.pair.updates.get((name, *key)) for name in (follower, decider))
        require(mine is not None and theirs is not None, "before both manifests")
        require(theirs.whole, "before the decider's payload is whole")
        require((message["manifest_sender"], message["manifest_receiver"]) == (mine.digest, theirs.digest),
                "of other manifests")
        require((message["lineage_sender"], message["lineage_receiver"]) ==
                (mine.manifest["lineage"], theirs.manifest["lineage"]), "of other lineages")
        self.pair.readies[key] = message

    def on_verdict(self, arrow, _side, _other, message):
        decider, follower = self.sender(arrow), self.receiver(arrow)
        key = message["epoch"], message["round"]
        require(decider < follower, "from the one who follows")
        ready = self.pair.readies.get(key)
        require(ready is not None, "without a READY")
        require((message["lineage_sender"], message["lineage_receiver"]) ==
                (ready["lineage_receiver"], ready["lineage_sender"]), "of other lineages")
        if message["verdict"] == COUNT:
            require(self.pair.updates[(follower, *key)].whole, "count, before the follower's payload is whole")
        before = self.pair.verdicts.setdefault((*key, ready["lineage_sender"], ready["lineage_receiver"]),
                                               message["verdict"])
        require(before == message["verdict"], "another verdict than before")
        if message["verdict"] == COUNT:
            self.flock.counted(decider, follower, message["round"])

    def on_pass(self, _arrow, _side, _other, message):
        require(message["epoch"] == self.flock.epoch, "another epoch")

    def on_progress(self, arrow, side, _other, message):
        before = side.progress or message
        require((message["epoch"], message["round"]) >= (before["epoch"], before["round"]), "a round that falls")
        require(message["lineage"] == before["lineage"], "another lineage in one process")
        require(message["finished"] >= before["finished"], "it goes on after the end")
        side.progress = message
        self.flock.lineage(self.sender(arrow), side.hello["boot"], message["lineage"])
