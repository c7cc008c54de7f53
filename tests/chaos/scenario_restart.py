"""Restarts that are meant: rolling ones, and of all at once."""
import signal
import subprocess

from scenario import check, check_at_most, scenario
from scenario_kill import LONGER, first_counted, rounds_absent
from under_test import ENDLESS

NODES = 8


def renew(context, flock, index):
    node = flock.nodes[index]
    result = subprocess.run([context.program, "ca", "renew", "--ca", "testnet", str(node.kit.folder)], cwd=flock.folder,
                            capture_output=True, text=True, check=False)
    check(result.returncode == 0, f"new certificates for {node.name}: {result.stderr.strip()}")


def longest_gap(flock, index):
    """The most rounds at a stretch that a node did not mix since it was in the flock."""
    rounds = sorted({event["round"] for event in flock.view(index).all("mixed")})
    return max((after - before - 1 for before, after in zip(rounds, rounds[1:])), default=0)


@scenario("rolling-restart", "rolling restart of all, new certificates each",
          "no gap in any live node's rounds; a restarted one absent ≤ 2")
def rolling_restart(context):
    turn = range(2) if context.short else range(NODES)
    with context.flock(ENDLESS, settings=LONGER) as flock:
        flock.wait_round(2)
        worst = gaps = 0
        for index in turn:
            witness = (index + 1) % NODES
            renew(context, flock, index)
            boots = len(flock.view(index).all("start"))
            process = flock.faults.process(index)
            process.signal(signal.SIGINT)
            flock.wait(lambda process=process: process.code is not None, 30, "the node's end")
            flock.faults.start(index)
            flock.wait(lambda index=index, boots=boots: len(flock.view(index).all("start")) > boots, 60, "its start")
            flock.wait(lambda index=index, witness=witness: rounds_absent(flock, index, witness) is not None, 60,
                       f"{flock.name(index)}'s first round since")
            worst = max(worst, rounds_absent(flock, index, witness))
            gaps = max(gaps, *(longest_gap(flock, other) for other in range(NODES) if other > index), 0)
        context.figure("absent", worst, "rounds")
        context.figure("agreement", flock.agreement(max(flock.view(index).mixed for index in turn), 5, range(NODES)),
                       "rounds later")
        flock.rounds_end_in_time()
    check_at_most(gaps, 0, "rounds that a live node left out")
    check_at_most(worst, 2, "rounds that a restarted one was absent")


@scenario("all-killed", "all 8 killed at once, restarted",
          "each goes on where its journal ends, same epoch; identical after the next clean round")
def all_killed(context):
    with context.flock(12 if context.short else 20) as flock:
        flock.wait_round(4)
        for index in range(NODES):
            flock.faults.kill(index)
        for node in flock.nodes:
            node.flock.update()
        reached = {index: flock.view(index).mixed for index in range(NODES)}
        boots = {index: len(flock.view(index).all("start")) for index in range(NODES)}
        for index in range(NODES):
            flock.faults.start(index)
        flock.wait(lambda: all(len(flock.view(index).all("start")) > boots[index] for index in range(NODES)), 60,
                   "the start of all")
        starts = [flock.view(index).all("start")[-1] for index in range(NODES)]
        flock.wait(lambda: all(first_counted(flock, index, starts[index]["time_ns"]) for index in range(NODES)), 60,
                   "a first round of all")
        again = {index: min(event["round"] for event in flock.view(index).all("mixed")
                            if event["time_ns"] >= starts[index]["time_ns"]) for index in range(NODES)}
        context.figure("killed after round", min(reached.values()))
        context.figure("went on with round", min(again.values()))
        for index in range(NODES):
            check(again[index] >= reached[index], f"{flock.name(index)} had mixed round {reached[index]} and began again with "
                                                  f"round {again[index]}")
        flock.finish()
        check(len(flock.digests()) == 1, "the models differ at the end")
