"""What the instance learns by asking again."""

from spire.process import wait_for
from spire.stage import DELTA, metric, spire, stage


@spire("a bundle that changes at its endpoint is found by asking again, without a notification")
def polled(env):
    here = stage(env)
    address = here.neighbour and here.neighbour_metrics
    here.delta.prepare("x509")
    sequence = here.delta.bundle()["spiffe_sequence"]

    def is_found():
        return metric(address, "privyseal_bundle_sequence", trust_domain=DELTA) == sequence

    # SPIRE says 60 s, and no instance asks more often: a tenth more, and what the fetch itself takes. The instance has
    # been asking since the first cases, and no other case makes it ask.
    wait_for(is_found, 70, f"bundle {sequence} of {DELTA}")
