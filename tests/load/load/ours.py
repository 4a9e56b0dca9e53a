"""Our own side of the measurement: a house as it ships, records and logs durable, with the load's issuer granted its name."""

import json

from harness.instance import House


def house(binary, folder, curve, issuer):
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
    return House(binary, folder / f"house-{curve}", config, init=("--curve", curve.lower().replace("-", ""))).start()
