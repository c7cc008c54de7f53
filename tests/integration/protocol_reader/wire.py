"""Sections 2, 3 and 8 of docs/protocol.md: frames, canonical protobuf, the fields of each message and their limits."""
import dataclasses
import hashlib
import ipaddress
import re
import struct

from . import int8

FRAME_MAX = 65536
HEADER = struct.Struct(">IBBH")
DATA_HEADER = struct.Struct(">IQ")
DATA_MAX = 65516
CHUNK_UNIT = 262064
CHUNKS_MAX = 1024
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
TYPES = {1: "HELLO", 2: "HELLO_ACK", 3: "GOODBYE", 4: "PING", 5: "PONG", 6: "ROSTER", 7: "MANIFEST", 8: "CREDIT",
         9: "CANCEL", 10: "READY", 11: "VERDICT", 12: "PASS", 13: "PROGRESS", 14: "MODEL_REQUEST", 15: "DATA",
         16: "HANDSHAKE", 17: "CRL", 18: "WITNESS", 19: "EVIDENCE", 20: "PROOF", 21: "PROBE", 22: "ROSTER_DIGEST", 23: "NEIGHBOUR"}
HANDSHAKE = 16
TAG_SIZE = 16
HANDSHAKE_MAX = 16384


class Fault(Exception):
    """What was read is not what the page allows."""


def require(condition, message):
    if not condition:
        raise Fault(message)


# ---- protobuf ----

def read_varint(data, at):
    value = shift = 0
    while True:
        require(at < len(data) and shift < 70, "a varint without an end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    require(byte != 0 or shift == 7, "a varint longer than it need be")
    require(value < 1 << 64, "a varint above 64 bits")
    return value, at


@dataclasses.dataclass
class Field:
    """`kind` is a wire type's reading: number, fixed64, bytes, text, or another message's fields."""
    name: str
    kind: object
    low: int = 0  # of a number; of the length of bytes and text; of the count of a repeated one in `count`
    high: int = (1 << 64) - 1
    count: tuple = None  # (least, most) of a repeated field
    packed: bool = False
    check: object = None

    @property
    def repeated(self):
        return self.count is not None

    def default(self):
        return b"" if self.kind in ("bytes", "text") else 0


def number(name, high=(1 << 64) - 1, low=0, **more):
    return Field(name, "number", low, high, **more)


def boolean(name):
    return number(name, 1)


def digest(name):
    return Field(name, "bytes", 32, 32)


def is_plain(text):
    return not any(ord(letter) < 0x20 or 0x7F <= ord(letter) <= 0x9F for letter in text)


def is_name(text):
    return NAME.fullmatch(text) is not None


def is_address(text):
    match = re.fullmatch(r"(\[[^\]]+\]|[^:\[\]]+):([1-9]\d{0,4})", text)
    if not match or int(match[2]) > 65535:
        return False
    if not match[1].startswith("["):
        return len(match[1]) <= 255 and re.fullmatch(r"[A-Za-z0-9._-]+", match[1]) is not None
    try:
        return ipaddress.ip_address(match[1][1:-1]).version == 6
    except ValueError:
        return False


def name(field):
    return Field(field, "text", 1, 63, check=is_name)


ADDRESSES = Field("addresses", "text", 1, 300, count=(0, 16), check=is_address)
MEMBER_STATEMENT = {1: name("flock"), 2: name("run"), 3: number("epoch"), 4: name("origin"), 5: name("node"),
                    6: number("incarnation", low=1), 7: number("state", 4, 1), 8: number("samples"),
                    9: number("from_round"), 10: number("until_round"), 11: ADDRESSES,
                    12: Field("lineage", "fixed64")}
TENSOR = {1: Field("name", "text", 1, 63, check=is_plain),
          2: Field("dims", "number", 1, count=(0, 4), packed=True)}
MANIFEST = {1: name("flock"), 2: name("run"), 3: name("origin"), 4: number("epoch"), 5: number("round"),
            6: Field("lineage", "fixed64"), 7: number("kind", 2, 1), 8: number("degree", (1 << 32) - 1),
            9: number("samples"), 10: number("total_samples"), 11: digest("view"),
            12: Field("tensors", TENSOR, count=(1, 256)), 13: number("payload_bytes"),
            14: number("chunk_bytes", 64 * CHUNK_UNIT, CHUNK_UNIT),
            15: Field("chunk_digests", "bytes", 32, 32 * CHUNKS_MAX), 16: number("encoding", 1)}
READY = {1: number("epoch"), 2: number("round"), 3: Field("lineage_sender", "fixed64"),
         4: Field("lineage_receiver", "fixed64")}
U32 = (1 << 32) - 1
CHAIN = Field("chain", "bytes", 1, 16384, count=(1, 8))
STATEMENT = {1: Field("body", "bytes", 1), 2: Field("signature", "bytes", 1, 1024), 3: CHAIN}
WITNESS_ENTRY = {1: name("origin"), 2: number("kind", 2, 1), 3: Field("lineage", "fixed64"), 4: digest("manifest"),
                 5: digest("payload")}


def part(most):
    """Of something that may be longer than a frame."""
    return {1: number("total", most, 1), 2: number("offset", most), 3: Field("bytes", "bytes", 1, 32768)}


def fixed64s(name, most):
    return Field(name, "fixed64", count=(0, most), packed=True)


MESSAGES = {
    "HELLO": {1: number("version_min", U32, 1), 2: number("version_max", U32, 1), 3: name("flock"), 4: name("run"),
              5: name("node"), 6: Field("boot", "fixed64"), 7: ADDRESSES,
              8: Field("chain", "bytes", 1, 16384, count=(0, 8)), 9: Field("proof", "bytes", 0, 1024),
              10: Field("delegate", "bytes", 0, 32), 11: Field("delegation", "bytes", 0, 1024),
              12: number("delegated_until")},
    "HELLO_ACK": {1: number("version", U32, 1)},
    "GOODBYE": {1: Field("reason", "text", 0, 200, check=is_plain), 2: boolean("leaving")},
    "PING": {1: number("number")},
    "PONG": {1: number("number")},
    "ROSTER": {1: Field("statements", STATEMENT, count=(0, 128))},
    "MANIFEST": {1: number("transfer", U32, 1), 2: Field("manifest", "bytes", 1), 3: Field("signature", "bytes", 1, 1024)},
    "CREDIT": {1: number("transfer", U32, 1), 2: number("until"), 3: number("from")},
    "CANCEL": {1: number("transfer", U32)},
    "READY": {**READY, 5: digest("manifest_sender"), 6: digest("manifest_receiver")},
    "VERDICT": {**READY, 5: number("verdict", 3, 1)},
    "PASS": {1: number("epoch"), 2: number("round"), 3: number("reason", 5, 1)},
    "PROGRESS": {1: number("epoch"), 2: number("round"), 3: Field("lineage", "fixed64"), 4: boolean("finished"),
                 5: number("pending", U32)},
    "MODEL_REQUEST": {1: number("epoch")},
    "CRL": part(1 << 20),
    "WITNESS": {1: number("epoch"), 2: number("round"), 3: Field("entries", WITNESS_ENTRY, count=(1, 256))},
    "EVIDENCE": STATEMENT,
    "PROOF": part(131072),
    "NEIGHBOUR": {1: number("word", 5, 1)},
    "PROBE": {1: name("node"), 2: number("answer", 2)},
    "ROSTER_DIGEST": {1: Field("whole", "fixed64"), 2: fixed64s("parts", 256), 3: Field("listed", "bytes", 0, 32),
                      4: fixed64s("tags", 1024), 5: fixed64s("terms", 1024), 6: fixed64s("wanted", 1024)},
}
PROOF_FILE = {1: Field("first", STATEMENT), 2: Field("second", STATEMENT)}


def wire_type(field):
    if field.packed:
        return 2
    return {"number": 0, "fixed64": 1}.get(field.kind if isinstance(field.kind, str) else "", 2)


def read_raw(field, data, at):
    """The value as it stands and where the next field begins."""
    if wire_type(field) == 0:
        return read_varint(data, at)
    if wire_type(field) == 1:
        require(at + 8 <= len(data), "a fixed64 that is cut short")
        return int.from_bytes(data[at:at + 8], "little"), at + 8  # protobuf's own order
    length, at = read_varint(data, at)
    require(length <= len(data) - at, f"{field.name}: longer than the message")
    return data[at:at + length], at + length


def read_packed(field, data):
    values, at = [], 0
    if field.kind == "fixed64":
        require(len(data) % 8 == 0, f"{field.name}: a fixed64 that is cut short")
        return [int.from_bytes(data[at:at + 8], "little") for at in range(0, len(data), 8)]
    while at < len(data):
        value, at = read_varint(data, at)
        values.append(value)
    return values


def check_value(field, value):
    """Limits of one item; bytes become what they stand for."""
    if isinstance(field.kind, dict):
        return decode(field.kind, value)
    size = len(value) if field.kind in ("bytes", "text") else value
    require(field.low <= size <= field.high, f"{field.name}: {size} is not in {field.low} … {field.high}")
    if field.kind == "text":
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            raise Fault(f"{field.name}: not UTF-8") from None
    require(field.check is None or field.check(value), f"{field.name}: {value!r}")
    return value


def decode(fields, data):
    """A message's fields by name. Refuses what is not the one encoding of it."""
    found = {}
    last = at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        field = fields.get(tag >> 3)
        require(field is not None, f"unknown field {tag >> 3}")
        require(tag & 7 == wire_type(field), f"{field.name}: wire type {tag & 7}")
        require(tag >> 3 > last or (tag >> 3 == last and field.repeated and not field.packed),
                f"{field.name}: out of order")
        last = tag >> 3
        value, at = read_raw(field, data, at)
        if field.packed:
            require(value != b"", f"{field.name}: a default that is written")
            found[field.name] = [check_value(field, item) for item in read_packed(field, value)]
        elif field.repeated:
            found.setdefault(field.name, []).append(check_value(field, value))
        else:
            require(value not in (0, b""), f"{field.name}: a default that is written")
            found[field.name] = check_value(field, value)
    for field in fields.values():
        if field.repeated:
            count = len(found.setdefault(field.name, []))
            require(field.count[0] <= count <= field.count[1], f"{field.name}: {count} of them")
        elif field.name not in found:
            found[field.name] = check_value(field, field.default())
    return found


def decode_manifest(data):
    """A Manifest with what its fields say of each other."""
    manifest = decode(MANIFEST, data)
    elements = 0
    for tensor in manifest["tensors"]:
        count = 1
        for dim in tensor["dims"]:
            count *= dim
        elements += count
    require(manifest["encoding"] == 0 or manifest["kind"] == 1, "a snapshot that is not f32")
    length = 4 * elements if manifest["encoding"] == 0 else int8.length(elements)
    require(manifest["payload_bytes"] == length, "payload_bytes is not what the elements make")
    size = CHUNK_UNIT
    while -(-manifest["payload_bytes"] // size) > CHUNKS_MAX:
        size *= 2
    require(manifest["chunk_bytes"] == size, "another cut than that of payloads of this size")
    chunks = -(-manifest["payload_bytes"] // manifest["chunk_bytes"])
    require(len(manifest["chunk_digests"]) == 32 * chunks, "not one digest a chunk")
    if manifest["kind"] == 1:
        require(manifest["samples"] >= 1 and manifest["total_samples"] >= 1, "an update without samples")
    return manifest


# ---- frames ----

class Frames:
    """One direction of a connection: bytes go in, frames come out, (type, message). DATA's message is (transfer, offset,
    bytes), HANDSHAKE's its bytes. `tagged`: each frame but the HANDSHAKEs before them has a tag behind it, whose key this
    reader does not have."""

    def __init__(self, tagged=False):
        self.waiting = bytearray()
        self.digests = []  # of each frame
        self.tagged, self.tags = tagged, 0

    def feed(self, data):
        self.waiting += data
        while len(self.waiting) >= HEADER.size:
            length, kind, flags, reserved = HEADER.unpack_from(self.waiting)
            require(length <= FRAME_MAX - HEADER.size, f"a frame of {length} bytes")
            require(kind in TYPES, f"frame type {kind}")
            require(flags == 0 and reserved == 0, "flags or reserved bits")
            require(kind != HANDSHAKE or (self.tagged and self.tags == 0), "HANDSHAKE where there is none")
            tag = TAG_SIZE if self.tagged and kind != HANDSHAKE else 0
            if len(self.waiting) < HEADER.size + length + tag:
                return
            frame = bytes(self.waiting[:HEADER.size + length])
            del self.waiting[:HEADER.size + length + tag]
            self.tags += tag > 0
            self.digests.append(hashlib.sha256(frame).digest())
            yield TYPES[kind], self.read(TYPES[kind], frame[HEADER.size:])

    @staticmethod
    def read(kind, payload):
        if kind == "HANDSHAKE":
            require(0 < len(payload) <= HANDSHAKE_MAX, f"HANDSHAKE of {len(payload)} bytes")
            return payload
        if kind != "DATA":
            return decode(MESSAGES[kind], payload)
        require(DATA_HEADER.size < len(payload) <= DATA_HEADER.size + DATA_MAX, "DATA without data")
        return (*DATA_HEADER.unpack_from(payload), payload[DATA_HEADER.size:])
