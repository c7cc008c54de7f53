"""Results of test cases: a line each program or module, details of what failed, the closing line."""
import collections
import dataclasses
import threading

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclasses.dataclass
class Case:
    name: str
    outcome: str
    detail: str = ""  # why it failed or was skipped


class Report:
    def __init__(self):
        self.cases = []
        self.lock = threading.Lock()

    def add(self, name, cases, seconds):
        """What one program or module came to: one line, and why what failed did."""
        count = collections.Counter(case.outcome for case in cases)
        told = ", ".join(f"{count[outcome]} {outcome}" for outcome in (PASSED, FAILED, SKIPPED) if count[outcome])
        with self.lock:
            self.cases += cases
            print(f"{seconds:7.1f} s  {name}: {told or 'nothing ran'}", flush=True)
            for case in cases:
                if case.outcome == FAILED:
                    print(f"FAILED  {case.name}\n{indent(case.detail)}", flush=True)

    def close(self):
        """The last lines; returns the exit code."""
        by_outcome = {outcome: [case for case in self.cases if case.outcome == outcome]
                      for outcome in (PASSED, FAILED, SKIPPED)}
        for outcome in (SKIPPED, FAILED):
            for case in by_outcome[outcome]:
                reason = case.detail.strip().splitlines()
                print(f"{outcome}: {case.name}" + (f": {reason[-1]}" if outcome == SKIPPED and reason else ""))
        print(", ".join(f"{len(cases)} {outcome}" for outcome, cases in by_outcome.items()), flush=True)
        return 0 if by_outcome[PASSED] and not by_outcome[FAILED] else 1


def indent(text):
    return "\n".join("    " + line for line in text.rstrip().splitlines())
