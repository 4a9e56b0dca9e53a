"""What the house learns though nobody tells it."""

from spire.process import wait_for
from spire.stage import BETA, metric, spire, stage


@spire("a bundle that beta changed is found by asking again, without anybody's word")
def polled(world):
    here = stage(world)
    here.beta.prepare("x509")
    sequence = here.beta.bundle()["spiffe_sequence"]
    # SPIRE says 60 s, and no house asks more often: a tenth more, and what the fetch itself takes.
    held = lambda: metric(here.metrics, "privyseal_bundle_sequence", trust_domain=BETA) == sequence
    wait_for(held, 70, f"beta's bundle {sequence}")
