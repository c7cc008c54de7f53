#!/usr/bin/env python3
"""The random regular graph from docs/protocol.md alone, in another language: prints the vector of test_graphs.c."""

MASK = 0xFFFFFFFF


def philox_u64(seed, a, b):
    counter = [a & MASK, a >> 32, b & MASK, b >> 32]
    key = [seed & MASK, seed >> 32]
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [(second >> 32) ^ counter[1] ^ key[0], second & MASK, (first >> 32) ^ counter[3] ^ key[1], first & MASK]
        key = [(key[0] + 0x9E3779B9) & MASK, (key[1] + 0xBB67AE85) & MASK]
    return counter[1] << 32 | counter[0]


def order(tags, seed, round_number, ring, draw):
    key = philox_u64(seed, round_number, ring << 32 | draw)
    return sorted(range(len(tags)), key=lambda i: (philox_u64(key, tags[i], 0), i))


def walk(members, edges):
    left, path = members[1:], [members[0]]
    while left:
        step = next((m for m in left if (path[-1], m) not in edges), None)
        if step is None:
            return None
        left.remove(step)
        path.append(step)
    return None if (path[-1], path[0]) in edges else path


def regular(tags, degree, seed, round_number):
    edges = set()
    for ring in range(degree // 2):
        for draw in range(16):
            path = walk(order(tags, seed, round_number, ring, draw), edges)
            if path:
                break
        else:
            path, count = order(tags, seed, round_number, 0, 0), len(tags)
            return {(path[i], path[(i + j) % count]) for i in range(count)
                    for k in range(1, degree // 2 + 1) for j in (k, -k)}
        for a, b in zip(path, path[1:] + path[:1]):
            edges |= {(a, b), (b, a)}
    return edges


if __name__ == "__main__":
    graph = regular([(i + 1) * 10**18 for i in range(8)], 4, 42, 7)
    for node in range(8):
        print("{" + ", ".join(str(b) for a, b in sorted(graph) if a == node) + "},")
