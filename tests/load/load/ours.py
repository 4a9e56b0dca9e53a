"""Our own side of the measurement: an instance as it ships, records and logs durable, with the load's issuer granted
its name."""

import json

from harness.instance import Instance


def instance(binary, folder, curve, issuer):
    # From a file: nothing is fetched while something is measured.
    keys = folder / "load.jwks.json"
    keys.write_text(json.dumps(issuer.keys()))
    config = f"""
[[issuers]]
id = "load"
iss = "{issuer.iss}"
profile = "email"
jwks_file = "{keys}"
danger_loopback_http = true
grants = [{{ email = "partner.example" }}]
"""
    return Instance(
        binary, folder / f"instance-{curve}", config, init=("--curve", curve.lower().replace("-", ""))
    ).start()
