"""The comparison at the end, and summary.json."""
import json

from .screen import percent

DIGITS = 16  # of a digest are shown; summary.json has all


def seconds(nodes):
    """From the first node's first line to the last node's last, alone runs not counted."""
    first = [node.flock.first_ns for node in nodes if node.flock.first_ns]
    last = [node.flock.last_ns for node in nodes if node.flock.last_ns]
    return (max(last) - min(first)) / 1e9 if first else None


def finished(node, key):
    return node.flock.finish.get(key) if node.flock.finish else None


def summary(options, nodes):
    """What summary.json holds; values by node are null where the record has none."""
    def by_node(value):
        return {node.name: value(node) for node in nodes}

    digests = {finished(node, "model_sha256") for node in nodes}
    return {
        "nodes": options.nodes,
        "rounds": options.rounds,
        "seed": options.seed,
        "seconds": seconds(nodes),
        "accuracy_alone": by_node(lambda node: node.alone.accuracy),
        "accuracy_flock": by_node(lambda node: node.flock.accuracy),
        "rounds_completed": by_node(lambda node: finished(node, "rounds_completed")),
        "model_sha256": by_node(lambda node: finished(node, "model_sha256")),
        "bytes_sent": by_node(lambda node: finished(node, "bytes_sent")),
        "bytes_received": by_node(lambda node: finished(node, "bytes_received")),
        "identical": len(digests) == 1 and None not in digests,
    }


def points(alone, flock):
    return "" if alone is None or flock is None else f"{100 * (flock - alone):+.1f}"


def mean(values):
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def row(name, alone, flock, rounds, digest):
    return f"{name:10}{percent(alone):>10}{percent(flock):>14}{points(alone, flock):>12}{rounds:>8}  {digest}".rstrip()


def table(result):
    """The lines of the comparison."""
    alone, flock = result["accuracy_alone"], result["accuracy_flock"]
    lines = [f"{'node':10}{'alone':>10}{'in the flock':>14}{'difference':>12}{'rounds':>8}  model (sha256)"]
    for name in alone:
        rounds = result["rounds_completed"][name]
        digest = result["model_sha256"][name]
        lines.append(row(name, alone[name], flock[name], "failed" if rounds is None else rounds, (digest or "")[:DIGITS]))
    if len(alone) > 1:
        lines.append(row("mean", mean(alone.values()), mean(flock.values()), "", ""))
    return lines


def verdict(result):
    digests = set(result["model_sha256"].values())
    if result["identical"]:
        return f"All models are the same bits: sha256 {digests.pop()[:DIGITS]}..."
    known = digests - {None}
    return f"The models are not the same bits: {len(known)} different ones." if len(known) > 1 else \
        "Not every node has told its model."


def write(path, result):
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
