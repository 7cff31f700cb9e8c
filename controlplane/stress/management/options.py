"""The options of `manage.py stress`."""

from argparse import ArgumentParser
from typing import Any

from controlplane.stress.spec import StressTestSpec, make_spec
from controlplane.stress.states import StressShape, StressState, StressType
from tasks_app.management.terminal import common_options, id_option

EXAMPLES = """\
  manage.py stress run --tasks 1500 --duration-ms 3000        a thousand waits at once
  manage.py stress run --tasks 5000 --failure-rate 0.02 --dependent-share 0.3 --rate 500
  manage.py stress run --tasks 200 --type cpu --duration-ms 250 --json
  manage.py stress list --status DONE
  manage.py stress show 018f6f2e-0000-7000-8000-000000000000
  manage.py stress compare 018f6f2e-0000-7000-8000-000000000001 \\
      018f6f2e-0000-7000-8000-000000000000"""


def add_verbs(parser: ArgumentParser) -> None:
    """The verbs and what each takes."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    _add_run(verbs)
    listing = verbs.add_parser("list", parents=[common_options()], help="the newest tests")
    listing.add_argument("--status", choices=StressState.values)
    listing.add_argument("--limit", type=int, default=20, help="how many (default 20)")
    show = verbs.add_parser("show", parents=[common_options()], help="one, with its report")
    show.add_argument("id", type=id_option)
    stop = verbs.add_parser("stop", parents=[common_options()], help="end one before its time")
    stop.add_argument("id", type=id_option)
    compare = verbs.add_parser("compare", parents=[common_options()], help="two side by side")
    compare.add_argument("id", type=id_option)
    compare.add_argument("other", type=id_option, help="whose figures are the measure")


def spec_of_options(options: dict[str, Any]) -> StressTestSpec:
    """The test that the options of `run` describe."""
    names = [name for name in StressTestSpec.model_fields if name != "rate_per_second"]
    return make_spec(**{name: options[name] for name in names}, rate_per_second=options["rate"])


def _add_run(verbs: Any) -> None:
    run = verbs.add_parser("run", parents=[common_options()], help="begin one, and watch it")
    run.add_argument("--tasks", type=int, default=1_000, help="how many (default 1000)")
    run.add_argument("--type", choices=StressType.values, default=StressType.SLEEP.value)
    run.add_argument("--duration-ms", type=float, default=100.0, help="of a task (default 100)")
    run.add_argument(
        "--failure-rate", type=float, default=0.0, metavar="SHARE", help="of the tasks, 0 to 1"
    )
    run.add_argument(
        "--dependent-share",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the tasks wait for others, 0 to 0.8",
    )
    run.add_argument("--shape", choices=StressShape.values, default=StressShape.MIXED.value)
    run.add_argument("--rate", type=float, metavar="N", help="submissions a second")
    run.add_argument("--name", default="")
    run.add_argument("--seed", type=int, help="decides which tasks fail")
    run.add_argument("--yes", action="store_true", help="also in production")
    run.add_argument(
        "--wait-timeout", type=float, default=86_400, metavar="SECONDS", help="default a day"
    )
