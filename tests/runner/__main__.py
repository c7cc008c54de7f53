"""Runs every test and counts cases. tests/run calls it."""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import time

import builds
import chaos
import children
import modules
import programs
from report import FAILED, Case, Report

BUILDS = (builds.RELEASE, builds.PLAIN, builds.CLANG, builds.SANITIZED, builds.THREADS)
QUICK = (builds.RELEASE, builds.PLAIN)
FOLDERS = ("rules", "model", "integration")


EX_USAGE = 64


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(EX_USAGE, f"tests/run: {message} (try --help)\n")


def parse(arguments):
    parser = Parser(prog="tests/run", description="Runs every test and counts cases.")
    parser.add_argument("--only", metavar="PATTERN", default="", help="cases whose name matches this regular expression")
    parser.add_argument("--list", action="store_true", help="name programs and cases instead of running them")
    parser.add_argument("--quick", action="store_true", help="without clang, the sanitizers and tests/chaos")
    options = parser.parse_args(arguments)
    try:
        re.compile(options.only)
    except re.error as problem:
        parser.error(f"argument --only: {problem}")
    return options


def module_files():
    return [path for folder in FOLDERS for path in sorted((builds.ROOT / "tests" / folder).glob("test_*.py"))]


def chosen_programs(build, options):
    return [test for test in build.tests() if re.search(options.only, programs.name_of(build, test))]


def chosen_modules(options):
    """Files with a case that matches; the pattern is then applied to the cases."""
    return [path for path in module_files() if not options.only or modules.names(path, options.only)]


def chosen_faults(options):
    """Scenarios of tests/chaos; a quick run has none of them, unless they are named."""
    return [] if options.quick and not options.only else chaos.chosen(options.only)


def run_all(report, jobs):
    """Jobs (name, function) as many at a time as there are processors."""
    def one(job):
        name, function = job
        began = time.monotonic()
        try:
            cases, seconds = function()
        except Exception as problem:  # the test could not even be started: that is its result
            cases, seconds = [Case(name, FAILED, repr(problem))], time.monotonic() - began
        report.add(name, cases, seconds)

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(one, jobs))


def run_build(report, build, options, needed):
    """Sets up, compiles and runs a build's programs. Modules need the programs of all builds, so those are compiled for
    them too."""
    if not build.set_up(report):
        return
    tests = chosen_programs(build, options)
    if not tests and not needed and options.only:
        return
    if build.compile(report):
        run_all(report, [(programs.name_of(build, test), lambda test=test: programs.run(build, test))
                         for test in tests])


def list_all(report, chosen, files, options):
    for build in chosen:
        if build.set_up(report):
            for test in chosen_programs(build, options):
                print(programs.name_of(build, test))
    for path in files:
        for name in modules.names(path, options.only):
            print(name)
    for name in chosen_faults(options):
        print(chaos.prefix(name))


def main(arguments):
    options = parse(arguments)
    code = subprocess.call([builds.ROOT / "testnet" / "setup", "run", "netns", "tests"])
    if code:
        return code
    children.stop_with_runner()
    report = Report()
    chosen = QUICK if options.quick else BUILDS
    files = chosen_modules(options)
    faults = chosen_faults(options)
    if options.list:
        list_all(report, chosen, files, options)
        return 1 if report.cases else 0
    for build in chosen:
        run_build(report, build, options, files or (faults and build is builds.RELEASE))
    environment = {"STARLING": str(builds.RELEASE.program), "STARLING_PLAIN": str(builds.PLAIN.program)}
    if not options.quick:
        environment |= {"STARLING_SANITIZED": str(builds.SANITIZED.program),
                        "STARLING_TSAN": str(builds.THREADS.program)}
    run_all(report, [(modules.prefix(path), lambda path=path: modules.run(path, options.only, environment))
                     for path in files])
    if faults:  # alone, at the end: they measure how long rounds take
        run_all(report, [("chaos", lambda: chaos.run(options.only, environment))])
    return report.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
