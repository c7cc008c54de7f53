"""Long ones: a large model over bad links, connections again and again, a soak."""
import math
import os
import subprocess
import time

import trend
from driver import links
from scenario import Skip, check, check_at_least, check_at_most, scenario
from under_test import ENDLESS

MEBI = 1 << 20


def idle(size):
    """Nodes that do nothing but exchange a model of that size."""
    return {"learner": {"trainer": "idle", "idle_bytes": size}, "model": {"save_every": 0, "keep": 1}}


def established(flock, index):
    """Connections of node 0 and 1 with each other, as the kernel of one counts them."""
    with open(f"/proc/{flock.faults.process(index).child.pid}/net/tcp", encoding="ascii") as file:
        return sum(line.split()[3] == "01" for line in file.readlines()[1:])


@scenario("dial-each-other",
          "two nodes dial each other at once, 10,000 times, or as often as half an hour allows (short: 20)",
          "one connection each time")
def dial_each_other(context):
    times = 20 if context.short else 10000
    settings = {**idle(1000), "round": {"deadline_min": 0.5}, "membership": {"dial_retry_min": 0.05, "dial_retry_max": 0.1}}
    with context.flock(1000000, nodes=2, settings=settings) as flock:
        flock.wait(lambda: all(flock.view(index).all("peer_up") for index in (0, 1)), 60, "their connection")
        end = time.monotonic() + 1800
        done = worst = 0
        while done < times and time.monotonic() < end:
            ups = [len(flock.view(index).all("peer_up")) for index in (0, 1)]
            close_connections(flock)  # both ends are told, and both dial
            flock.wait(lambda ups=ups: all(len(flock.view(index).all("peer_up")) > ups[index] for index in (0, 1)), 30,
                       "a connection again (or this kernel cannot close them: ss -K)")
            flock.wait(lambda: established(flock, 0) == established(flock, 1) == 1, 10, "one connection alone")
            worst = max(worst, *(len(flock.view(index).all("peer_up")) - ups[index] for index in (0, 1)))
            done += 1
        context.figure("times", done)
        context.figure("most connections announced at a time", worst)


def transfer(context, size, link):
    """Seconds until both nodes of a flock of two have counted the other's model of that size."""
    settings = {**idle(size), "round": {"deadline_min": 900, "deadline_max": 900, "averaging_rounds": 0}}
    with context.flock(1, nodes=2, settings=settings) as flock:
        flock.network.links.set(1, links.parse(link))
        flock.wait(lambda: all(flock.view(index).all("published") for index in (0, 1)), 300, "the update")
        took = flock.wait(lambda: all(flock.view(index).counted(1) is not None for index in (0, 1)), 900, "the transfer")[1]
        check(flock.view(0).counted(1) == 1 and flock.view(1).counted(1) == 1, "it did not count")
        return took


def grid(context):
    if context.short:
        return 16 * MEBI, (("clear", "0 %, 0 ms"), ("loss=1% delay=5ms", "1 %, 10 ms"))
    cells = [(f"loss={loss}% delay={rtt / 2}ms", f"{loss} %, {rtt} ms") for loss in (0, 1, 5) for rtt in (1, 50, 200)]
    return 1024 * MEBI, cells


@scenario("big-transfer", "1 GiB model at 0, 1, 5 % loss × 1, 50, 200 ms (short: 16 MiB, two links)",
          "arrives (both ways at once here)")
def big_transfer(context):
    size, cells = grid(context)
    for link, name in cells:
        took = transfer(context, size, link)
        context.figure(f"at {name}", 8 * size / took / 1e6, "Mbit/s")


def close_connections(flock):
    """The kernel ends them all, at both ends."""
    for index in flock.living():
        subprocess.run([*flock.network.enter(index), "ss", "-K", "state", "established"], check=True, capture_output=True)


@scenario("transfer-cut", "a 1 GiB model's connection is ended and its link cut for a second, three times (short: 64 MiB)",
          "resumes by chunk, arrives")
def transfer_cut(context):
    size = (64 if context.short else 1024) * MEBI
    rate = 100 if context.short else 400  # Mbit/s
    settings = {**idle(size), "round": {"deadline_min": 600, "deadline_max": 600, "averaging_rounds": 0},
                "membership": {"suspect_after": 60, "drop_after": 60}}  # else the round may end without the one that is cut
    with context.flock(1, nodes=2, settings=settings) as flock:
        flock.network.links.set(1, links.parse(f"rate={rate}mbit"))
        for part in (1, 2, 3):
            flock.wait(lambda part=part: flock.view(1).bytes_received > part * size / 5, 300, "a fifth more of it")
            flock.network.cut(0, 1)
            close_connections(flock)
            end = time.monotonic() + 1
            flock.wait(lambda end=end: time.monotonic() > end, 20, "the end of the cut")
            flock.network.heal_all()
        took = flock.wait(lambda: all(flock.view(index).counted(1) is not None for index in (0, 1)), 600, "the transfer")[1]
        check(flock.view(0).counted(1) == 1 and flock.view(1).counted(1) == 1, "it did not count")
        flock.finish()
        context.figure("after the cuts", took, "s")
        received = max(flock.view(index).bytes_received for index in (0, 1)) / size
        context.figure("bytes received, times the model", received)
        check_at_most(received, 1.3, "what was received, times the model")


@scenario("control-latency", "pings beside a 1 GiB model both ways at 1 Gbit/s (by hand in --short: 64 MiB)",
          "p99 of each second's longest ≤ 5 ms beyond that beside small models", short=False)
def control_latency(context):
    size = (64 if context.short else 1024) * MEBI
    alone, _ = late_pings(context, 1000, ENDLESS)
    beside, seconds = late_pings(context, size, 1)
    load = os.getloadavg()[0] / os.cpu_count()
    context.figure("seconds beside the model", seconds)
    context.figure("p99 of their longest", 1000 * beside, "ms")
    context.figure("beside small models", 1000 * alone, "ms")
    if load > 1.5:  # the two nodes themselves make 1
        raise Skip(f"the machine has other work, {load:.1f} processes a core: {1000 * beside:.0f} ms beside the model, "
                   f"{1000 * alone:.0f} ms beside small ones")
    check_at_most(1000 * (beside - alone), 5, "a ping took longer by", " ms")


def late_pings(context, size, rounds):
    """p99 of each second's longest ping, in s, and of how many seconds: of rounds of models of that size, ten s of them at
    least where they are ENDLESS."""
    settings = {**idle(size), "round": {"deadline_min": 600, "deadline_max": 600, "averaging_rounds": 0},
                "transport": {"ping_interval": 0.02}, "membership": {"suspect_after": 60, "drop_after": 60}}
    with context.flock(rounds, nodes=2, settings=settings) as flock:
        flock.network.links.set(1, links.parse("rate=1000mbit"))
        if rounds == ENDLESS:
            flock.wait(lambda: all(len(longest_pings(flock.view(index), 1)) >= 10 for index in (0, 1)), 60, "ten seconds")
        else:
            flock.wait(lambda: all(flock.view(index).counted(1) is not None for index in (0, 1)), 600, "the transfer")
            check(flock.view(0).counted(1) == 1 and flock.view(1).counted(1) == 1, "it did not count")
            flock.finish()
        longest = sorted(took for index in (0, 1) for took in longest_pings(flock.view(index), min(size, MEBI)))
    check(longest, "no ping was answered while models were on their way")
    return longest[math.ceil(0.99 * len(longest)) - 1], len(longest)


def longest_pings(view, received):
    """Of each second in which at least so many bytes came."""
    lines = view.all("status")
    return [line["ping_longest"] for before, line in zip(lines, lines[1:])
            if line["bytes_received"] - before["bytes_received"] >= received and line["ping_longest"] > 0]


@scenario("soak", "30 min with 16 nodes at full speed, new keys every 16 MiB (short: 16 s, 4 nodes)",
          "RSS and descriptors flat; key updates passed")
def soak(context):
    nodes, seconds = (4, 16) if context.short else (16, 1800)
    settings = {"model": {"keep": 2}, "transport": {"key_update_bytes": 16 * MEBI}}
    with context.flock(ENDLESS, nodes=nodes, settings=settings) as flock:
        flock.wait_round(2)
        sampled = {index: [] for index in range(nodes)}
        begin = time.monotonic()
        warm, now = begin + seconds / 4, begin
        since = time.time() + seconds / 4

        def sample():
            """Once a second, when it is warm. True at the end: after that time, and rounds enough for new keys."""
            nonlocal now
            if time.monotonic() > max(warm, now + 1):
                now = time.monotonic()
                for index in range(nodes):
                    sampled[index].append((now, flock.open_files(index)))
            return time.monotonic() > begin + seconds and flock.view(0).mixed > 40
        flock.wait(sample, 2 * seconds + 300, "the time")
        rounds = min(flock.view(index).mixed for index in range(nodes))
        flock.rounds_end_in_time()
        flock.end_well()
    context.figure("rounds", rounds)
    grown = max(trend.relative_growth(flock.memory(index, since)) for index in range(nodes))
    context.figure("RSS grew", 100 * grown, "%")
    more = max(trend.growth(samples) for samples in sampled.values())
    context.figure("descriptors more", more)
    updates = min((flock.view(index).finish or {}).get("key_updates", 0) for index in range(nodes))
    context.figure("key updates a node", updates)
    check_at_most(grown, 0.1 if context.short else 0.05, "RSS grew by a share of")  # some seconds are not enough to be warm
    check_at_most(more, 1, "descriptors more")
    check_at_least(updates, 1, "key updates of a node")
