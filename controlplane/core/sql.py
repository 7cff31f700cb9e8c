"""SQL that the ORM says badly stands in files: `<app>/sql/<verb_noun>.sql`."""

from functools import cache
from importlib.resources import files


@cache
def load_sql(app: str, name: str) -> str:
    """The statement `<app>/sql/<name>.sql`; `app` is the package, such as `tasks_app`.

    Raises:
        FileNotFoundError: there is no such statement.
    """
    return (files(app) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
