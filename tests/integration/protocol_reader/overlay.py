"""Section 7 of docs/protocol.md: who exchanges with whom. The full mesh, the ring and regular:s."""
import hashlib

LOW = (1 << 32) - 1


def first_u64(data):
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def seed_of(run, epoch, flock_seed):
    return first_u64(b"starling overlay 1\0" + run.encode() + b"\0" + epoch.to_bytes(8, "big") +
                     flock_seed.to_bytes(8, "big"))


def philox(counter, key):
    """Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011; table 2 has the constants)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        left, right = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (right >> 32) ^ c1 ^ k0, right & LOW, (left >> 32) ^ c3 ^ k1, left & LOW
        k0, k1 = (k0 + 0x9E3779B9) & LOW, (k1 + 0xBB67AE85) & LOW
    return c0, c1, c2, c3


def prf(s, a, b):
    words = philox((a & LOW, a >> 32, b & LOW, b >> 32), (s & LOW, s >> 32))
    return words[1] << 32 | words[0]


class Rings:
    def __init__(self, names, s, seed, t):
        self.names, self.s, self.seed, self.t = names, s, seed, t
        self.neighbours = {name: set() for name in names}

    def order(self, ring, draw):
        key = prf(self.seed, self.t, (ring << 32) + draw)
        return sorted(self.names, key=lambda name: (prf(key, first_u64(name.encode()), 0), name))

    def join(self, a, b):
        self.neighbours[a].add(b)
        self.neighbours[b].add(a)

    def walk(self, order):
        """The members around, or None where nobody is left to go to."""
        path, left = [order[0]], order[1:]
        while left:
            there = [name for name in left if name not in self.neighbours[path[-1]]]
            if not there:
                return None
            path.append(there[0])
            left.remove(there[0])
        return None if path[0] in self.neighbours[path[-1]] else path

    def add(self, ring):
        for draw in range(16):
            path = self.walk(self.order(ring, draw))
            if path is not None:
                for a, b in zip(path, path[1:] + path[:1]):
                    self.join(a, b)
                return True
        return False

    def build(self):
        if all(self.add(ring) for ring in range(self.s // 2)):
            return self.neighbours
        self.neighbours = {name: set() for name in self.names}
        circle = self.order(0, 0)
        for i, name in enumerate(circle):
            for step in range(1, self.s // 2 + 1):
                self.join(name, circle[(i + step) % len(circle)])
        return self.neighbours


def neighbours(topology, names, seed, t):
    """{name: its neighbours} in round t."""
    names = sorted(names)
    kind, _, parameter = topology.partition(":")
    if kind == "regular" and len(names) > int(parameter) + 1:
        return Rings(names, int(parameter), seed, t).build()
    if kind in ("full", "regular"):
        return {name: set(names) - {name} for name in names}
    if kind == "ring":
        count = len(names)
        return {name: {names[i - 1], names[(i + 1) % count]} - {name} for i, name in enumerate(names)}
    raise ValueError(f"this reader has no {topology}")


def is_full(graph):
    """Whether everybody exchanges with everybody."""
    return all(len(others) == len(graph) - 1 for others in graph.values())
