"""The command line."""
import argparse
import json
import os
import pathlib
import time

from . import kits, links, script

EX_USAGE = 64
DESCRIPTION = """Starts N nodes on this machine that learn Fashion-MNIST together over mutual TLS, with no coordinator,
and compares each with itself alone: the same data, the same number of steps, no peers."""
NETNS = """--netns (as root) gives each node a network namespace of its own, with a cable to one bridge. Then links can be bad
(--link) and faults can be played (--script); both are told in docs/reliability.md."""
ROOT = pathlib.Path(__file__).resolve().parents[2]


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(EX_USAGE, f"testnet/run: {message} (try --help)\n")


def at_least_one(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("expected a whole number of at least 1")
    return value


at_least_one.__name__ = "whole number"


def json_object(path):
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError) as problem:
        raise argparse.ArgumentTypeError(f"cannot read {path}: {problem}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{path}: expected a JSON object")
    return value


def named_link(text):
    try:
        return links.parse_named(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def complete_network(parser, options):
    """Links by index, the script as a list of steps."""
    names = kits.names_of(options.nodes)
    if options.link and not options.netns:
        parser.error("argument --link: it needs --netns")
    unknown = [name for name, _ in options.link if name not in names]
    if unknown:
        parser.error(f"argument --link: there is no {unknown[0]}")
    options.links = {names.index(name): link for name, link in options.link}
    try:
        options.script = script.read(options.script, names, options.netns) if options.script else []
    except (OSError, ValueError) as problem:
        parser.error(f"argument --script: {problem}")


def parse(arguments):
    parser = Parser(prog="testnet/run", description=DESCRIPTION, epilog=NETNS)
    add = parser.add_argument
    add("--nodes", type=at_least_one, default=8, metavar="N", help="nodes in the flock (8)")
    add("--rounds", type=at_least_one, default=20, metavar="R", help="rounds of training and averaging (20)")
    add("--run-dir", type=pathlib.Path, metavar="FOLDER",
        help="where kits, logs, records, models and results go; new or empty (build/testnet/DATE-TIME)")
    add("--partition", default="iid", metavar="HOW",
        help="who holds which examples: iid, shards:K, dirichlet:ALPHA, share:P1,P2,... (iid)")
    add("--topology", default="full", metavar="GRAPH",
        help="who exchanges with whom: full, ring, torus, regular:S and others of docs/settings.md (full)")
    add("--model", choices=("mlp", "cnn"), default="mlp", help="the network that is trained (mlp)")
    add("--seed", type=int, default=1, metavar="S", help="of the first model, the split and the overlay (1)")
    add("--settings", type=json_object, default={}, metavar="EXTRA.json",
        help="settings that are merged over each node's")
    add("--netns", action="store_true", help="a network namespace a node; as root")
    add("--link", type=named_link, action="append", default=[], metavar="'NODE: loss=5%% delay=100ms rate=10mbit'",
        help="faults of that node's link, in each direction; jitter=TIME and duplicate=SHARE too; may be repeated")
    add("--script", type=pathlib.Path, metavar="FILE", help="what happens when: links cut, nodes killed, stopped, ...")
    options = parser.parse_args(arguments)
    complete_network(parser, options)
    if options.seed < 0:
        parser.error("argument --seed: expected a whole number of at least 0")
    options.run = time.strftime("%Y%m%d-%H%M%S")
    options.run_dir = (options.run_dir or ROOT / "build" / "testnet" / options.run).absolute()
    options.build = not os.environ.get("STARLING")
    options.program = os.path.abspath(os.environ.get("STARLING") or ROOT / "build" / "release" / "starling")
    return options
