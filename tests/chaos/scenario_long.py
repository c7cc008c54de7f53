"""Long ones: a large model over bad links, connections again and again, a soak, faults in virtual time."""
import subprocess
import time

from driver import links
from scenario import Skip, check, check_at_most, scenario

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
          "resumes by chunk, arrives", still_open="a transfer that was cut begins anew")
def transfer_cut(context):
    size = (64 if context.short else 1024) * MEBI
    rate = 100 if context.short else 400  # Mbit/s
    with context.flock(1, nodes=2, settings={**idle(size), "round": {"deadline_min": 600, "deadline_max": 600,
                                                                      "averaging_rounds": 0}}) as flock:
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


@scenario("control-latency", "1 GiB model on its way", "control p99 ≤ 5 ms beyond the path's delay", short=False)
def control_latency(_context):
    raise Skip("not built yet: the record does not tell how long a ping took")


@scenario("soak", "30 min with 16 nodes at full speed (short: 16 s, 4 nodes)", "RSS and descriptors flat")
def soak(context):
    nodes, seconds = (4, 16) if context.short else (16, 1800)
    warm = seconds / 4
    with context.flock(1000000, nodes=nodes, settings={"model": {"keep": 2}}) as flock:
        flock.wait_round(2)
        def pause(length):
            end = time.monotonic() + length
            flock.wait(lambda: time.monotonic() > end, length + 10, "the time")
        pause(warm)
        before = [(flock.open_files(index), flock.memory(index)) for index in range(nodes)]
        pause(seconds - warm)
        after = [(flock.open_files(index), flock.memory(index)) for index in range(nodes)]
        rounds = min(flock.view(index).mixed for index in range(nodes))
        flock.rounds_end_in_time()
    context.figure("rounds", rounds)
    grown = max(late[1] / early[1] for early, late in zip(before, after))
    context.figure("RSS grew", 100 * (grown - 1), "%")
    more = max(late[0] - early[0] for early, late in zip(before, after))
    context.figure("descriptors more", more)
    check_at_most(grown, 1.1, "RSS, times what it was after a quarter of the time")
    check_at_most(more, 4, "descriptors more")


@scenario("random-faults", "1000 random faults in virtual time, 100 nodes, 500 seeds",
          "no assertion, no deadlock, mass conserved, every round of every live node ends", short=False)
def random_faults(_context):
    raise Skip("it is a test of its own in virtual time: tests/sim (tests/run --only sim/)")


@scenario("allocation-failure", "each allocation of a round fails once, each system call's error return",
          "clean error or retry, nothing leaked", short=False)
def allocation_failure(_context):
    raise Skip("it is a test of its own: tests/alloc (tests/run --only alloc/)")
