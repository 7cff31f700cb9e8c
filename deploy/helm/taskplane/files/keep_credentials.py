"""Makes the first administrator and API key, and keeps them in a Secret of the cluster.

Runs once after the install, in the image, with the permission to change that Secret only.
SECRET_NAME and ADMIN come from the chart. Nothing secret is printed.
"""

import base64
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TRIES = 20
PAUSE_SECONDS = 3.0
TIMEOUT_SECONDS = 10.0
NAMES = ("TASKPLANE_API_KEY", "TASKPLANE_ADMIN_USER", "TASKPLANE_ADMIN_PASSWORD")


def main() -> int:
    try:
        # An empty change first, so that nothing is made that could not be kept.
        call("PATCH", {})
    except OSError as error:
        return fail(f"The Secret {os.environ['SECRET_NAME']} cannot be reached ({error}).")
    command = [sys.executable, "manage.py", "bootstrap", "--admin", os.environ["ADMIN"]]
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        return fail("The first administrator cannot be made: see above.")
    found = parse(made.stdout)
    if not found:
        print("There are users already: nothing was made.")
        return 0
    if not keep(found):
        return fail(
            "The first administrator was made, and could not be kept: set a password with "
            "manage.py changepassword, and make a key with manage.py apikeys create."
        )
    print(f"The first administrator and key are in the Secret {os.environ['SECRET_NAME']}.")
    return 0


def fail(sentence: str) -> int:
    print(f"bootstrap: {sentence}", file=sys.stderr)
    return 1


def parse(text: str) -> dict[str, str]:
    """The variables that the command prints; empty when it made nothing."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {name: value for name, value in pairs if name in NAMES}


def keep(found: dict[str, str]) -> bool:
    """Tries again while the API server does not answer: these are shown once."""
    data = {name: base64.b64encode(value.encode()).decode() for name, value in found.items()}
    for _ in range(TRIES):
        try:
            call("PATCH", {"data": data})
        except OSError as error:
            print(f"bootstrap: the Secret could not be written ({error}), trying again")
            time.sleep(PAUSE_SECONDS)
        else:
            return True
    return False


def call(method: str, body: object) -> None:
    """Raises OSError: the API server does not answer, or refuses."""
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    host = f"[{host}]" if ":" in host else host
    server = f"https://{host}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    namespace = (ACCOUNT / "namespace").read_text()
    request = urllib.request.Request(  # noqa: S310 - https
        f"{server}/api/v1/namespaces/{namespace}/secrets/{os.environ['SECRET_NAME']}",
        method=method,
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {(ACCOUNT / 'token').read_text().strip()}",
            "Content-Type": "application/merge-patch+json",
        },
    )
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=trusted):  # noqa: S310
        return


if __name__ == "__main__":
    sys.exit(main())
