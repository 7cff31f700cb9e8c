"""`python -m controlplane.embedded start|stop|status`: the embedded servers alone."""

import argparse
import json
import sys

from controlplane import embedded
from controlplane.embedded import home, postgres, valkey


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m controlplane.embedded",
        description="Start, stop or show the embedded Postgres and Valkey, without the components.",
    )
    parser.add_argument("action", choices=["start", "stop", "status"])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    try:
        if options.action == "start":
            embedded.ensure_postgres()
            embedded.ensure_valkey()
        elif options.action == "stop":
            embedded.stop_all()
    except embedded.EmbeddedError as error:
        print(f"taskplane: {error}", file=sys.stderr)
        return 2
    state = home.home()
    address = valkey.address(state)
    shown = {
        "postgres": {"pid": postgres.pid(state), "url": postgres.url(state)},
        "valkey": {"pid": valkey.pid(state), "url": address and "redis://{}:{}".format(*address)},
    }
    if options.json:
        print(json.dumps(shown))
        return 0
    for name, facts in shown.items():
        running = f"running, pid {facts['pid']}" if facts["pid"] else "not running"
        print(f"{name}: {running}, {facts['url'] or 'never started here'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
