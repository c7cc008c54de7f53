"""Nodes that die, and come back."""
from scenario import check_at_least, check_at_most, scenario
from under_test import ENDLESS

NODES = 8
POINT = 0.01
# What a flock that cannot send everything to everybody has: 4 peers a round, a byte a value.
SPARSE = {"mix": {"codec": "int8"}, "overlay": {"topology": "regular:4"}, "round": {"averaging_rounds": 4}}
LONGER = {"learner": {"steps": 200}}  # rounds of about a second: what is counted in rounds is not the start of a process
KILLED_WANTED = "round ends ≤ deadline + 1 s; accuracy within 1 point of a survivors-only run with the same seed"


def rounds(context):
    return 12 if context.short else 20


def victims(context, count):
    """By lot; also the first, whom the others joined."""
    return sorted(context.random.sample(range(NODES), count))


def kill_in_phase(context, phase, count, settings=None):
    chosen = victims(context, count)
    survivors = [index for index in range(NODES) if index not in chosen]
    round_ = context.random.randint(2, 4)
    with context.flock(rounds(context), settings=settings) as flock:
        for index in chosen:
            flock.wait_phase(index, round_, phase)
            flock.faults.kill(index)
        flock.finish()
        flock.rounds_end_in_time(survivors)
        accuracy = flock.accuracy(survivors)
    alone = context.baseline(rounds(context), only=survivors, settings=settings)
    context.figure("accuracy", 100 * accuracy, "%")
    context.figure("of survivors only", 100 * alone, "%")
    check_at_least(accuracy, alone - POINT, "accuracy")


def _register(phase, count):
    # Of the short form one of each phase, and one of each count.
    short = (phase, count) in (("train", 1), ("exchange", 2), ("mix", 4))
    scenario(f"kill-{count}-{phase}", f"kill -9 of {count} of 8 nodes in the phase {phase}", KILLED_WANTED, short)(
        lambda context: kill_in_phase(context, phase, count))


for _phase in ("train", "exchange", "mix"):
    for _count in (1, 2, 4):
        _register(_phase, _count)


@scenario("kill-2-exchange-int8", "kill -9 of 2 of 8 nodes in the phase exchange; 4 peers a round, int8", KILLED_WANTED)
def kill_sparse(context):
    kill_in_phase(context, "exchange", 2, SPARSE)


def first_counted(flock, index, since_ns):
    """The first round since then in which exchanges of that node counted; None so far."""
    return next((event["round"] for event in flock.view(index).all("mixed")
                 if event["time_ns"] >= since_ns and event["counted"] > 0), None)


def rounds_absent(flock, index, witness):
    """Rounds that the witness mixed between the last start of the node and the round that it counted in again."""
    since = flock.view(index).all("start")[-1]["time_ns"]
    back = first_counted(flock, index, since)
    at_start = max((event["round"] for event in flock.view(witness).all("mixed") if event["time_ns"] < since), default=0)
    return None if back is None else max(0, back - at_start - 1)


def agree(context, flock, back, others, sparse):
    """As near to each other as before; that is the same in a full mesh of f32."""
    if not sparse:
        context.figure("agreement", flock.agreement(back, 5, range(NODES)), "rounds later")
        return
    last = back + 5
    flock.wait(lambda: all(flock.view(index).all("saved", round=last) for index in range(NODES)), 120,
               f"the models of round {last}")
    before, after = flock.consensus_error(5, others), flock.consensus_error(last, range(NODES))
    context.figure("consensus error", after)
    context.figure("before", before)
    check_at_most(after, 1.5 * before, "consensus error 5 rounds after")


def come_back(context, start, settings=None):
    chosen = victims(context, 2)
    others = [index for index in range(NODES) if index not in chosen]
    witness = others[0]
    with context.flock(ENDLESS, settings={**LONGER, **(settings or {})}) as flock:
        flock.wait_round(2)
        for index in chosen:
            flock.faults.kill(index)
        flock.wait_round(6)
        boots = {index: len(flock.view(index).all("start")) for index in chosen}
        for index in chosen:
            getattr(flock.faults, start)(index)
        flock.wait(lambda: all(len(flock.view(index).all("start")) > boots[index] for index in chosen), 60, "their start")
        flock.wait(lambda: all(rounds_absent(flock, index, witness) is not None for index in chosen), 120,
                   "their first round since")
        absent = max(rounds_absent(flock, index, witness) for index in chosen)
        context.figure("absent", absent, "rounds")
        back = max(first_counted(flock, index, flock.view(index).all("start")[-1]["time_ns"]) for index in chosen)
        agree(context, flock, back, others, settings is not None)
        flock.rounds_end_in_time(others)
    check_at_most(absent, 3, "rounds until the killed are in the mix again")


BACK_WANTED = "in the mix in ≤ 3 rounds; consensus error as before in ≤ 5"


@scenario("return-with-disk", "2 killed nodes come back with their disk", BACK_WANTED)
def return_with_disk(context):
    come_back(context, "start")


@scenario("return-without-disk", "2 killed nodes come back without their disk", BACK_WANTED)
def return_without_disk(context):
    come_back(context, "start_bare")


@scenario("return-with-disk-int8", "2 killed nodes come back with their disk; 4 peers a round, int8", BACK_WANTED)
def return_sparse(context):
    come_back(context, "start", SPARSE)
