"""A TCP relay in the middle that sees frames and does to them what somebody on the path could: it knows the protocol's page,
but no key."""
import random
import socket
import threading

from protocol_reader import wire
from protocol_reader.conversation import RECORD

HANDSHAKE = next((number for number, name in wire.TYPES.items() if name == "HANDSHAKE"), 16)
GOODBYE, PROGRESS = 3, 13
TAG_SIZE = 16
LISTEN_TIMEOUT = 0.2


class Cutter:
    """One direction of a connection: bytes in, whole frames out, (type, bytes with the tag)."""

    def __init__(self):
        self.waiting = bytearray()
        self.tagged = False

    def feed(self, data):
        self.waiting += data
        while len(self.waiting) >= wire.HEADER.size:
            length, kind, _, _ = wire.HEADER.unpack_from(self.waiting)
            tagged = self.tagged or kind != HANDSHAKE
            size = wire.HEADER.size + length + (TAG_SIZE if tagged else 0)
            if len(self.waiting) < size:
                return
            self.tagged = tagged
            whole = bytes(self.waiting[:size])
            del self.waiting[:size]
            yield kind, whole


def flip(rng, data, low, high):
    """One bit of data[low:high]."""
    at = rng.randrange(low, high)
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def forged(kind, payload, rng):
    """A frame with a tag that nobody made."""
    return wire.HEADER.pack(len(payload), kind, 0, 0) + payload + rng.randbytes(TAG_SIZE)


# Each takes the generator, the frame that is due, those that went before it in this direction, and one of another
# connection; what it returns goes out instead. None: it waits for the next frame.
def change_header(rng, frame, *_):
    return flip(rng, frame, 0, wire.HEADER.size)


def change_payload(rng, frame, *_):
    return flip(rng, frame, min(wire.HEADER.size, len(frame) - TAG_SIZE - 1), len(frame) - TAG_SIZE)


def change_tag(rng, frame, *_):
    return flip(rng, frame, len(frame) - TAG_SIZE, len(frame))


def drop(*_):
    return b""


def repeat(_rng, frame, *_):
    return frame + frame


def repeat_old(rng, frame, before, _other):
    return (rng.choice(before) if before else frame) + frame


def replay_of_another(rng, frame, _before, other):
    return (other or forged(PROGRESS, b"\x10\x05", rng)) + frame


def inject_goodbye(rng, frame, *_):
    return forged(GOODBYE, b"\x10\x01", rng) + frame


def inject_progress(rng, frame, *_):
    return forged(PROGRESS, b"\x10\xff\x0f", rng) + frame


def inject_untagged(_rng, frame, *_):
    return wire.HEADER.pack(2, GOODBYE, 0, 0) + b"\x10\x01" + frame


def inject_handshake(_rng, frame, *_):
    return wire.HEADER.pack(7, HANDSHAKE, 0, 0) + b"\x15\x03\x03\x00\x02\x02\x28" + frame


def inject_garbage(rng, frame, *_):
    return rng.randbytes(rng.randrange(1, 64)) + frame


def leave_out_a_byte(rng, frame, *_):
    at = rng.randrange(len(frame))
    return frame[:at] + frame[at + 1:]


def add_a_byte(rng, frame, *_):
    at = rng.randrange(len(frame))
    return frame[:at] + rng.randbytes(1) + frame[at:]


def swap(*_):
    return None


def cut(rng, frame, *_):
    """The rest never comes: no goodbye, no close_notify."""
    return frame[:rng.randrange(1, len(frame))]


ALL = (change_header, change_payload, change_tag, drop, repeat, repeat_old, replay_of_another, inject_goodbye,
       inject_progress, inject_untagged, inject_handshake, inject_garbage, leave_out_a_byte, add_a_byte, swap, cut)


class Stretch:
    """What one relayed connection suffers."""

    def __init__(self, number, way, after):
        self.number, self.way, self.after = number, way, after
        self.action = None       # from when its frame was due
        self.done = False        # it happened
        self.closed = False      # the nodes gave the connection up
        self.frames = {"up": [], "down": []}
        self.held = None


class Relay:
    """Listens on a free port of loopback and passes on to `target`. Each connection that lives so long has the next of
    `actions` done to one of its frames; when there are none left, connections are passed on as they are. `record`: a folder that gets a file a
    connection, as tests/tap writes them, of what passed."""

    def __init__(self, target, actions=(), seed=1, frames=(1, 12), record=None):
        host, port = target.rsplit(":", 1)
        self.target = host, int(port)
        self.rng = random.Random(seed)
        self.actions, self.frames = list(actions), frames
        self.changes = len(self.actions) > 0
        self.record = record
        self.lock = threading.Lock()
        self.stretches = []
        self.stopped = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.listener.settimeout(LISTEN_TIMEOUT)
        self.address = "{}:{}".format(*self.listener.getsockname())
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def close(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(10)
        self.listener.close()

    def manipulated(self):
        with self.lock:
            return [stretch for stretch in self.stretches if stretch.done]

    def accept(self):
        while not self.stopped.is_set():
            try:
                near, _ = self.listener.accept()
            except TimeoutError:
                continue
            try:
                far = socket.create_connection(self.target, timeout=10)
            except OSError:
                near.close()
                continue
            with self.lock:
                number = len(self.stretches)
                stretch = Stretch(number, self.rng.choice(("up", "down")), self.rng.randint(*self.frames))
                self.stretches.append(stretch)
            for way, one, other in (("up", near, far), ("down", far, near)):
                one.settimeout(LISTEN_TIMEOUT)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self.carry, args=(stretch, way, one, other), daemon=True)
                self.threads.append(thread)
                thread.start()

    def carry(self, stretch, way, source, sink):
        """Bytes of one direction to their end."""
        cutter = Cutter()
        try:
            while not self.stopped.is_set():
                try:
                    data = source.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    break
                self.note(stretch, way, data)
                # From where it was changed on, the bytes are passed on as they come.
                mine = self.changes and way == stretch.way and not stretch.done
                sink.sendall(b"".join(self.pass_on(stretch, way, *one) for one in cutter.feed(data)) if mine
                             else self.rest(stretch, way, cutter) + data)
                if mine and stretch.done and stretch.action is cut:
                    break
        except OSError:
            pass
        with self.lock:
            if not stretch.closed and stretch.action is not None and not stretch.done:
                self.actions.insert(0, stretch.action)  # it ended before it could be done: the next one's
            stretch.closed = True
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def note(self, stretch, way, data):
        if self.record is not None:
            with self.lock, open(self.record / f"{stretch.number}.tap", "ab") as file:
                file.write(RECORD.pack(b">" if way == "up" else b"<", len(data)) + data)

    def rest(self, stretch, way, cutter):
        """What was held back of a frame that was not whole when the manner changed."""
        if way == stretch.way and cutter.waiting:
            rest = bytes(cutter.waiting)
            cutter.waiting.clear()
            return rest
        return b""

    def pass_on(self, stretch, way, kind, frame):
        before = stretch.frames[way]
        if stretch.held is not None:
            held, stretch.held = stretch.held, None
            self.mark(stretch)
            return frame + held
        if stretch.done or kind == HANDSHAKE or len(before) < stretch.after or not self.begin(stretch):
            before.append(frame) if kind != HANDSHAKE else None
            return frame
        with self.lock:
            other = next((each.frames[way][0] for each in self.stretches if each is not stretch and each.frames[way]), None)
        changed = stretch.action(self.rng, frame, before, other)
        if changed is None:
            stretch.held = frame
            return b""
        self.mark(stretch)
        return changed

    def begin(self, stretch):
        """Only now, when it can be done: one that a short connection took would be missing in a long one beside it."""
        with self.lock:
            if stretch.action is None and not stretch.closed and self.actions:
                stretch.action = self.actions.pop(0)
            return stretch.action is not None

    def mark(self, stretch):
        with self.lock:
            stretch.done = not stretch.closed  # else it was given to another one
