"""Links that are cut, flap, or are bad."""
import time

from driver import links
from scenario import check, check_at_least, check_at_most, scenario
from under_test import DEADLINE_MIN, ENDLESS

NODES = 8
STOPPED = (2, 5)
POINT = 0.01
EVALUATED = 5  # every so many rounds


def one_flock_again(flock, indices):
    """Whether the last round of each had all its exchanges."""
    return all((flock.view(index).last("mixed") or {}).get("counted") == len(indices) - 1 for index in indices)


def accuracy_after(flock, round_):
    """The nodes' mean after that round, or, of one that left it out, after the next one that it evaluates."""
    def known():
        found = [min((one for one in flock.view(index).evaluations if one >= round_), default=None)
                 for index in flock.living()]
        return None if None in found else [flock.view(index).evaluations[one][0]
                                           for index, one in zip(flock.living(), found)]
    values = flock.wait(known, 120, f"accuracy after round {round_}")[0]
    return sum(values) / len(values)


@scenario("partition", "partition 4 / 4 for 10 rounds, then healed",
          "both halves go on; one flock again ≤ 10 s; accuracy five rounds later within 1 point of an undisturbed run")
def partition(context):
    lasts = 5 if context.short else 10
    halves = [0, 1, 2, 3], [4, 5, 6, 7]
    with context.flock(ENDLESS, settings={"learner": {"evaluate_every": EVALUATED}}) as flock:
        flock.wait_round(2)
        for one in halves[0]:
            for other in halves[1]:
                flock.network.cut(one, other)
        from_round = max(flock.view(index).mixed for index in range(NODES))
        flock.wait_round(from_round + lasts)
        for half in halves:
            counted = [flock.view(index).last("mixed")["counted"] for index in half]
            check(min(counted) == 3, f"a half did not go on with its own: {counted} exchanges counted")
        flock.network.heal_all()
        took = flock.wait(lambda: one_flock_again(flock, range(NODES)), 60, "one flock")[1]
        context.figure("one flock again", took, "s")
        reached = max(flock.view(index).mixed for index in range(NODES)) + 5
        last = reached + -reached % EVALUATED
        accuracy = accuracy_after(flock, last)
        flock.rounds_end_in_time()
    whole = context.baseline(last)
    context.figure(f"accuracy after round {last}", 100 * accuracy, "%")
    context.figure("undisturbed", 100 * whole, "%")
    check_at_most(took, 10, "until one flock again", " s")
    check_at_least(accuracy, whole - POINT, "accuracy")


@scenario("cut-one-way", "what one node sends to another is lost, the other way works",
          "others' rounds ≤ the deadline; all go on, and agree when it is over")
def cut_one_way(context):
    with context.flock(ENDLESS) as flock:
        flock.wait_round(2)
        flock.network.cut_one_way(1, 2)
        flock.wait_round(flock.view(0).mixed + (5 if context.short else 12))
        flock.network.heal_all()
        took = flock.wait(lambda: one_flock_again(flock, range(NODES)), 60, "rounds of all")[1]
        context.figure("all count", took, "s later")
        round_ = max(flock.view(index).mixed for index in range(NODES))
        context.figure("agreement", flock.agreement(round_, 5, range(NODES)), "rounds later")
        flock.rounds_end_in_time()


@scenario("dial-out-only", "two nodes that nobody can dial",
          "in the mix of all others by connections that they keep; after three rounds nobody waits for the edge that cannot be")
def dial_out_only(context):
    hidden = 3, 5
    own = {"transport": {"listen": ["127.0.0.1:7400"], "advertise": []}}  # each in a network of its own
    with context.flock(ENDLESS, own={index: own for index in hidden}) as flock:
        def in_the_mix(after=0):
            def good(index):
                mixed = [event for event in flock.view(index).all("mixed") if event["round"] > after]
                wanted = NODES - 2 if index in hidden else NODES - 1
                return mixed and mixed[-1]["counted"] == wanted
            return all(good(index) for index in range(NODES))
        took = flock.wait(in_the_mix, 60, "a round of all but the one edge that cannot be")[1]
        context.figure("all in the mix", took, "s after the start")
        first = max(flock.view(index).mixed for index in range(NODES)) + 5
        last = first + (10 if context.short else 40)
        flock.wait_round(last)
        rounds = [event for index in range(NODES) for event in flock.view(index).all("mixed")
                  if first <= event["round"] <= last]
        missing = sum(NODES - 1 - event["counted"] for event in rounds) - len(hidden) * (last - first + 1)
        context.figure("edges missing besides", missing)
        longest = max(event["waited"] for event in rounds)
        context.figure("longest wait", longest, "s")
        check(missing == 0, f"{missing} ends of edges did not count that can")
        check(longest < DEADLINE_MIN, f"a node waited {longest:.2f} s: until its deadline")


@scenario("flapping", "one node's links go and come every second",
          "others' rounds ≤ the deadline; the node is in the mix again when they stay")
def flapping(context):
    with context.flock(ENDLESS) as flock:
        flock.wait_round(2)
        for _ in range(6 if context.short else 20):
            for change in (flock.network.cut, flock.network.heal):
                for other in range(NODES):
                    if other != 3:
                        change(3, other)
                end = time.monotonic() + 1
                flock.wait(lambda end=end: time.monotonic() > end, 2, "the next change")
        healed = flock.view(0).mixed
        flock.wait(lambda: newest_counted(flock, 3) > healed, 60, "its return into the mix")
        back = min(event["round"] for event in flock.view(3).all("mixed") if event["round"] > healed and event["counted"])
        context.figure("in the mix", back - healed, "rounds after")
        context.figure("agreement", flock.agreement(back, 5, range(NODES)), "rounds later")
        flock.rounds_end_in_time([index for index in range(NODES) if index != 3])
        check_at_most(back - healed, 5, "rounds until it is in the mix")


@scenario("slow-node", "5 % loss, 100 ms, 10 Mbit/s on one node",
          "others' rounds ≤ the deadline; the slow one's data still moves the mean: ≥ 1 edge in 5 rounds",
          still_open="on a loaded machine a stretch without it may be a round longer")
def slow_node(context):
    total = 11 if context.short else 20
    with context.flock(total) as flock:
        flock.network.links.set(3, links.parse("loss=5% delay=100ms rate=10mbit"))
        others = [index for index in range(NODES) if index != 3]
        flock.may_be_left_out.add(3)
        flock.finish(600)
        flock.rounds_end_in_time(others)
        name = flock.name(3)
        used = sorted({event["round"] for index in others for event in flock.view(index).all("edge", peer=name)
                       if event["outcome"] in ("counted", "late")})
        context.figure("rounds that its update moved", f"{len(used)} of {total}")
        gaps = [after - before for before, after in zip([0, *used], [*used, total + 1])]
        check_at_most(max(gaps), 5, "rounds without it, at a stretch")


@scenario("stop", "SIGSTOP of 2 nodes for 60 s (short: 12 s), then SIGCONT", "they catch up; none expelled for good")
def stop(context):
    seconds = 12 if context.short else 60
    others = [index for index in range(NODES) if index not in STOPPED]
    with context.flock(ENDLESS) as flock:
        flock.wait_round(2)
        for index in STOPPED:
            flock.faults.stop(index)
        end = time.monotonic() + seconds
        flock.wait(lambda: time.monotonic() > end, seconds + 5, "the end of the stop")
        at = flock.view(0).mixed
        check(at > 4, "the others did not go on")
        for index in STOPPED:
            flock.faults.go_on(index)
        flock.wait(lambda: all(newest_counted(flock, index) > at for index in STOPPED), 60, "their return into the mix")
        context.figure("in the mix", min(newest_counted(flock, index) for index in STOPPED) - at, "rounds after")
        took = flock.wait(lambda: one_flock_again(flock, range(NODES)), 60, "rounds of all")[1]
        context.figure("all count", took, "s later")
        round_ = max(flock.view(index).mixed for index in range(NODES))
        context.figure("agreement", flock.agreement(round_, 5, range(NODES)), "rounds later")
        flock.rounds_end_in_time(others)


def newest_counted(flock, index):
    return max((event["round"] for event in flock.view(index).all("mixed") if event["counted"] > 0), default=0)
