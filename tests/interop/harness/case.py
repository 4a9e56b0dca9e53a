"""A case: one thing that must be true of the binary, in one line of the report."""

import time
import traceback


class Failed(Exception):
    """The case's own finding: what was expected and what was seen."""


def expect(fact, finding):
    if not fact:
        raise Failed(finding)


class Suite:
    """The cases, in the order in which they were declared."""

    def __init__(self):
        self.cases = []
        # What cases could not do without, in the words of the report.
        self.lacking = []

    def case(self, name, needs=lambda: None):
        """`needs` says what this machine lacks for the case and no registry has by name; None, when it can run."""

        def declare(function):
            self.cases.append((name, needs, function))
            return function

        return declare

    def run(self, env, wanted, out):
        """Runs the cases whose name holds one of the `wanted` words (all, without any). Answers the counts of each outcome."""
        counts = {"passed": 0, "failed": 0, "skipped": 0}
        for name, needs, function in self.cases:
            if wanted and not any(word in name for word in wanted):
                counts["skipped"] += 1
                continue
            lacking = needs()
            if lacking:
                counts["skipped"] += 1
                if lacking not in self.lacking:
                    self.lacking.append(lacking)
                    print(f"not run: {lacking}", file=out, flush=True)
                continue
            began = time.monotonic()
            try:
                function(env)
            except Exception as error:  # a case that cannot run has failed, whatever the reason
                counts["failed"] += 1
                print(f"FAILED {name} {time.monotonic() - began:.1f}s", file=out, flush=True)
                finding = str(error) if isinstance(error, Failed) else traceback.format_exc()
                print("  | " + finding.strip().replace("\n", "\n  | "), file=out, flush=True)
            else:
                counts["passed"] += 1
                print(f"ok {name} {time.monotonic() - began:.1f}s", file=out, flush=True)
        return counts


SUITE = Suite()
case = SUITE.case
