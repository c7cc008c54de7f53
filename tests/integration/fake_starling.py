#!/usr/bin/python3
"""Stands in for `starling` where the driver of the test network is tested by itself: it makes kits that hold only
settings, and its nodes write a record of a run that they make up, without talking to each other.

FAKE_ROUND_SECONDS  how long a round takes (0.02)
FAKE_DIE            NODE:ROUND: that node ends with code 70 when it enters that round (0: at its start)
FAKE_STUBBORN       nodes ignore SIGINT and SIGTERM
FAKE_DIGESTS        every node has a model of its own
"""
import json
import os
import pathlib
import signal
import sys
import time


def issue(arguments):
    host = arguments[arguments.index("--host") + 1]
    names = [name for name in arguments[2:arguments.index("--host")]]
    for index, name in enumerate(names):
        folder = pathlib.Path(name)
        folder.mkdir()
        (folder / "settings.json").write_text(json.dumps({
            "node": {"name": name},
            "flock": {"name": arguments[1], "start_nodes": len(names)},
            "transport": {"listen": [f"{host}:{7400 + index}"]},
            "round": {"rounds": 99},
        }), encoding="utf-8")


class Node:
    def __init__(self, path):
        self.folder = path.parent
        self.settings = json.loads(path.read_text(encoding="utf-8"))
        self.name = self.settings["node"]["name"]
        self.alone = self.settings["flock"]["start_nodes"] == 1
        self.file = open(self.folder / self.settings["record"]["file"], "a", encoding="utf-8")
        self.sequence = 0
        self.stopped = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN if "FAKE_STUBBORN" in os.environ else self.stop)

    def stop(self, *_):
        self.stopped = True

    def event(self, event, **fields):
        head = {"v": 1, "time_ns": time.time_ns(), "run": "r", "node": self.name, "boot": "0" * 16,
                "seq": self.sequence, "event": event}
        line = json.dumps(head | fields) + "\n"
        # In two pieces, so that a reader meets torn lines.
        self.file.write(line[:20])
        self.file.flush()
        self.file.write(line[20:])
        self.file.flush()
        self.sequence += 1

    def die(self, round_):
        if os.environ.get("FAKE_DIE") == f"{self.name}:{round_}" and not self.alone:
            print("msg=\"something broke\"", file=sys.stderr)
            sys.exit(70)

    def run(self):
        rounds = self.settings["round"]["rounds"]
        peers = self.settings["flock"]["start_nodes"] - 1
        self.die(0)
        self.event("start", rounds=rounds)
        completed = 0
        for number in range(1, rounds + 1):
            self.event("phase", round=number, phase="train")
            self.die(number)
            if self.stopped:
                break
            time.sleep(float(os.environ.get("FAKE_ROUND_SECONDS", "0.02")))
            self.event("trained", round=number, loss=1 / number)
            self.event("mixed", round=number, counted=peers, planned=peers, clean=True)
            if number == rounds or self.settings.get("learner", {}).get("evaluate_every", 1):
                accuracy = 0.25 if self.alone else 0.5 + number / 100
                self.event("evaluated", round=number, accuracy=accuracy, loss=1 / number)
            self.event("status", round=number, phase="mix", peers=peers, bytes_sent=number * 1000,
                       bytes_received=number * 2000)
            completed = number
        self.finish(completed)

    def finish(self, completed):
        models = self.folder / self.settings["model"]["folder"]
        models.mkdir(exist_ok=True)
        (models / "model.safetensors").touch()
        digest = self.name if "FAKE_DIGESTS" in os.environ else "5eed"
        self.event("finish", status="cancelled" if self.stopped else "ok", rounds_completed=completed,
                   model_sha256=digest, bytes_sent=completed * 1000, bytes_received=completed * 2000)


def main(arguments):
    if arguments[:2] == ["ca", "init"]:
        pathlib.Path(arguments[2]).mkdir()
    elif arguments[:2] == ["ca", "issue"]:
        issue(arguments[2:])
    elif arguments[:2] == ["settings", "check"]:
        if "bad" in json.loads(pathlib.Path(arguments[2]).read_text(encoding="utf-8")):
            sys.exit(f"{arguments[2]}: bad: unknown key")
    elif arguments[0] == "node":
        Node(pathlib.Path(arguments[1])).run()


if __name__ == "__main__":
    main(sys.argv[1:])
