"""The command line of scripts/rehearse-upgrade."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from scripts.upgrade import rehearse
from scripts.upgrade.releases import ROOT, RehearsalError, Release, extract

_SERVERS = ("DATABASE_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "CELERY_BROKER_URL")


def start_servers(folder: Path) -> dict[str, str]:
    """An embedded Postgres and Valkey for this rehearsal; their addresses, as variables. Raises
    RehearsalError."""
    from controlplane import embedded

    try:
        host, port = embedded.ensure_valkey(folder)
        url = embedded.ensure_postgres(folder)
    except embedded.EmbeddedError as error:
        raise RehearsalError(f"The servers do not start: {error}") from None
    return {"DATABASE_URL": url, "REDIS_HOST": host, "REDIS_PORT": str(port)}


def stop_servers(folder: Path) -> None:
    from controlplane import embedded

    embedded.stop_all(folder)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/rehearse-upgrade",
        description=rehearse.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Servers are its own, in a temporary folder. Exit code 1 if anything was lost, "
        "doubled or silent.",
    )
    parser.add_argument("old", metavar="FROM", help="revision of the old release: commit or tag")
    parser.add_argument("--to", metavar="REVISION", help="the new one (default: this checkout)")
    plan = rehearse.Plan()
    parser.add_argument("--seconds", type=float, default=plan.seconds, metavar="N",
                        help="how long each step lasts (default %(default)s)")  # fmt: skip
    parser.add_argument("--rate", type=float, default=plan.per_second, metavar="N",
                        help="submissions per second by HTTP; half as many from Python "
                             "(default %(default)s)")  # fmt: skip
    parser.add_argument("--workers", type=int, default=plan.workers, metavar="N",
                        help="workers of each release (default %(default)s)")  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="keep the folder, to look at")
    return parser.parse_args()


def run(options: argparse.Namespace, folder: Path) -> list[str]:
    """The whole rehearsal; what was not as it must be. Raises RehearsalError."""
    old = extract(options.old, folder / "old")
    new = extract(options.to, folder / "new") if options.to else Release("this", ROOT)
    addresses = start_servers(folder)
    rehearsal = rehearse.Rehearsal(
        old,
        new,
        addresses=addresses,
        folder=folder,
        plan=rehearse.Plan(options.seconds, options.rate, options.workers),
        output=sys.stdout,
    )
    try:
        rehearsal.fleet.manage(old, "migrate", "--noinput", "--verbosity", "0")
        result = rehearsal.run()
    finally:
        rehearsal.fleet.end()
    for name, figure in result.figures.items():
        print(f"        {name}: {figure}")
    return result.faults


def end_cleanly() -> None:
    """Let SIGTERM end what was started, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def main() -> int:
    options = parse()
    end_cleanly()
    for name in _SERVERS:  # never another database
        os.environ.pop(name, None)
    folder = Path(tempfile.mkdtemp(prefix="taskplane-upgrade-"))
    is_interrupted = False
    folder.chmod(0o755)  # the servers run as another user than root
    try:
        faults = run(options, folder)
    except (RehearsalError, RuntimeError, TimeoutError) as error:
        faults = [str(error)]
    except (KeyboardInterrupt, SystemExit):
        is_interrupted = True
        raise
    finally:
        stop_servers(folder)
        if is_interrupted and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for fault in faults:
        print(f"FAILED: {fault}", file=sys.stderr)
    if options.keep or faults:
        print(f"Kept: {folder}")
    else:
        shutil.rmtree(folder)
        print("Passed: every acknowledged task ended exactly once, in both directions.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
