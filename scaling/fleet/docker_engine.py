"""The calls to Docker's engine that the back-end needs. Every failure is a FleetError."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from scaling.fleet.base import FleetError

# One container as the engine describes it: the response to GET /containers/{id}/json.
Record = dict[str, Any]

TIMEOUT_SECONDS = 10.0
_DEFAULT_PLACE = "unix:///var/run/docker.sock"
_TAIL_LINES = 50
_MAX_REASON = 200  # characters of the engine's message in a sentence
_FORBIDDEN, _NOT_FOUND, _CONFLICT = 403, 404, 409


class NameTakenError(FleetError):
    """Another container has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Another container has the name {name}: remove it, or rename it.")


class Engine:
    """One engine. Connects when it is first needed, and again after it was unavailable. address: as
    in DOCKER_HOST; the default is that variable, otherwise the usual socket of this host. timeout:
    seconds for each call.
    """

    def __init__(self, address: str | None = None, timeout: float = TIMEOUT_SECONDS) -> None:
        try:
            # By their full names: `docker` alone may also be the folder of this project.
            sdk = import_module("docker.api.client")
            errors = import_module("docker.errors")
            utils = import_module("docker.utils")
            http = import_module("requests")
        except ImportError as error:
            raise FleetError(
                "The back-end 'docker' needs the SDK of Docker: "
                "pip install -r requirements/docker.txt."
            ) from error
        self._make: Any = sdk.APIClient
        self._errors: Any = errors
        self._read_environment: Any = utils.kwargs_from_env
        self._http: Any = http
        self._address = address
        self._timeout = timeout
        self._client: Any = None

    @property
    def place(self) -> str:
        return self._address or os.environ.get("DOCKER_HOST") or _DEFAULT_PLACE

    def find(self, labels: Sequence[str]) -> list[Record]:
        """All containers with these labels, including ended ones. Those that are removed during the
        call are left out."""
        with self._call("list containers") as client:
            found = client.containers(all=True, filters={"label": list(labels)})
        records = [self.inspect(each["Id"]) for each in found]
        return [record for record in records if record is not None]

    def inspect(self, container: str) -> Record | None:
        with self._call(f"look at the container {container[:12]}") as client:
            try:
                record: Record = client.inspect_container(container)
            except self._errors.NotFound:
                return None
            return record

    def find_image_id(self, image: str) -> str | None:
        """The image to which a name currently refers."""
        with self._call(f"look at the image {image}") as client:
            try:
                return str(client.inspect_image(image)["Id"])
            except self._errors.NotFound:
                return None

    def create(self, name: str, config: Mapping[str, Any]) -> str:
        """Create a container without starting it. Returns its id. Raises NameTakenError."""
        with self._call(f"create the container {name}") as client:
            try:
                made = client.create_container_from_config(dict(config), name)
            except self._errors.APIError as error:
                if error.status_code == _CONFLICT:
                    raise NameTakenError(name) from error
                raise
            return str(made["Id"])

    def connect(self, container: str, network: str, endpoint: Mapping[str, Any]) -> None:
        with self._call(f"connect a container to the network {network}") as client:
            client.connect_container_to_network(
                container,
                network,
                aliases=endpoint.get("Aliases"),
                links=[link.split(":", 1) for link in endpoint.get("Links") or []],
                driver_opt=endpoint.get("DriverOpts"),
            )

    def start(self, container: str) -> None:
        with self._call("start a container") as client:
            client.start(container)

    def signal(self, container: str, signal: str) -> None:
        """Send a signal to its first process. Ignores a container that does not run, or is gone."""
        with self._call("send a signal to a container") as client, self._ignoring_gone():
            client.kill(container, signal=signal)

    def set_restart(self, container: str, policy: Mapping[str, Any]) -> None:
        """Set what happens when it ends by itself. Ignores a container that is gone."""
        # A conflict is none to be ignored here: it would leave a container unfenced.
        with self._call("change the restart policy of a container") as client:
            try:
                client.update_container(container, restart_policy=dict(policy))
            except self._errors.NotFound:
                return

    def rename(self, container: str, name: str) -> None:
        """Rename it. Ignores a container that is gone. Raises NameTakenError."""
        with self._call(f"name a container {name}") as client:
            try:
                client.rename(container, name)
            except self._errors.NotFound:
                return
            except self._errors.APIError as error:
                if error.status_code == _CONFLICT:
                    raise NameTakenError(name) from error
                raise

    def remove(self, container: str) -> None:
        """Remove it with its anonymous volumes. Ignores a container that runs, or is gone."""
        with self._call("remove a container") as client, self._ignoring_gone():
            client.remove_container(container, v=True)

    def read_last_lines(self, container: str) -> list[str]:
        """The end of its log; empty if there is none, or it cannot be read."""
        with self._call("read the log of a container") as client:
            try:
                text: bytes = client.logs(container, tail=_TAIL_LINES)
            except self._errors.APIError:
                return []  # a log driver that keeps nothing here, or a container that is gone
        return text.decode(errors="replace").split("\n")

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    @contextmanager
    def _call(self, doing: str) -> Iterator[Any]:
        try:
            if self._client is None:
                self._client = self._connect()
            yield self._client
        except (self._errors.DockerException, self._http.RequestException) as error:
            if not isinstance(error, self._errors.APIError):
                self.close()
            raise FleetError(self._explain(error, doing)) from error

    def _connect(self) -> Any:
        given: dict[str, Any] = self._read_environment()
        if self._address is not None:
            given["base_url"] = self._address
        return self._make(version="auto", timeout=self._timeout, **given)

    @contextmanager
    def _ignoring_gone(self) -> Iterator[None]:
        """It is gone, or not in a state for this call: 404 and 409."""
        try:
            yield
        except self._errors.APIError as error:
            if error.status_code not in (_NOT_FOUND, _CONFLICT):
                raise

    def _explain(self, error: BaseException, doing: str) -> str:
        chain = _unfold(error)
        refusal = next((e for e in chain if isinstance(e, self._errors.APIError)), None)
        if refusal is not None:
            return self._explain_refusal(refusal, doing)
        if any(isinstance(e, PermissionError) for e in chain):
            return (
                f"Docker's engine at {self.place} may not be used by this user: give the "
                "autoscaler the group of the socket (group_add in compose), or let it use a "
                "socket proxy (DOCKER_HOST)."
            )
        if any(isinstance(e, self._http.exceptions.Timeout | TimeoutError) for e in chain):
            return (
                f"Docker's engine at {self.place} did not answer within {self._timeout:g} s: "
                "check the load of the engine."
            )
        if any(isinstance(e, FileNotFoundError) for e in chain):
            return (
                f"There is no Docker engine at {self.place}: mount its socket into the "
                "autoscaler's container, or set DOCKER_HOST."
            )
        return (
            f"Docker's engine at {self.place} cannot be reached: start it, or set DOCKER_HOST "
            f"({_shorten(str(chain[-1]))})."
        )

    def _explain_refusal(self, error: Any, doing: str) -> str:
        reason = _shorten(str(error.explanation or error.response.reason or ""))
        if isinstance(error, self._errors.ImageNotFound):
            return f"Docker's engine could not {doing}: {reason}. Build or pull that image."
        if error.status_code == _FORBIDDEN:
            return (
                f"Docker's engine at {self.place} refuses to {doing} ({reason}): if there is a "
                "socket proxy, allow POST and DELETE on containers in it."
            )
        return f"Docker's engine at {self.place} could not {doing} ({error.status_code}): {reason}."


def _unfold(error: BaseException) -> list[BaseException]:
    """The error and its causes: the libraries wrap it, also as an argument."""
    found: list[BaseException] = []
    left: list[Any] = [error]
    while left:
        this = left.pop(0)
        if isinstance(this, BaseException) and all(this is not other for other in found):
            found.append(this)
            left += [this.__cause__, this.__context__, getattr(this, "reason", None), *this.args]
    return found


def _shorten(text: str) -> str:
    return " ".join(text.split())[:_MAX_REASON].rstrip(" .")
