"""What the machine itself allows: a signature alone, and an HTTP server that does nothing (examples/floor.rs)."""

import json
import subprocess


class Floor:
    def __init__(self, binary):
        self.process = subprocess.Popen([binary], stdout=subprocess.PIPE, text=True)
        self.signatures = json.loads(self.process.stdout.readline())
        self.origin = self.process.stdout.readline().strip()

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.kill()
        self.process.wait()
