"""Tabs of a Chromium, and what they cost: CPU of the thread that draws, heap, frames received."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

INSTALL = (
    "No Chromium was found: install one (Debian: `apt-get install chromium`), "
    "or name its file in CHROMIUM."
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--no-sandbox",  # threads have the same numbers outside as inside
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_TICKS = os.sysconf("SC_CLK_TCK")
_BUSY_MS = 400
_TRIES = 30
_BUSY = "(ms) => { const end = performance.now() + ms; while (performance.now() < end); }"
_HIDE = """() => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
_CHIP = """() => {
    const chip = document.getElementById("live-chip");
    if (!chip || chip.hidden) return "none";
    return [chip.dataset.status, chip.title].filter(Boolean).join(": ");
}"""


class BrowserMissingError(Exception):
    """There is no Chromium."""


@contextmanager
def running_browser() -> Iterator[Any]:
    """A Chromium for as long as the block lasts. Raises BrowserMissingError."""
    from playwright.sync_api import sync_playwright

    named = os.environ.get("CHROMIUM")
    found = (shutil.which(name) for name in ([named] if named else _NAMES))
    path = next((each for each in found if each), None)
    if path is None:
        raise BrowserMissingError(INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True, slots=True)
class Memory:
    """What lives in the page after a garbage collection."""

    heap_bytes: int
    nodes: int
    listeners: int


class Tab:
    """A page of one person."""

    def __init__(self, browser: Any, address: str, cookie: dict[str, str]) -> None:
        self.frames = 0
        self.errors: list[str] = []
        self._context = browser.new_context(viewport={"width": 1440, "height": 900})
        self._context.add_cookies([{**cookie, "url": urljoin(address, "/")}])
        self.page = self._context.new_page()
        self.page.on("websocket", self._watch)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self._open(address)
        self._session = self._context.new_cdp_session(self.page)
        self._session.send("Performance.enable")
        self._thread = self._find_thread(browser)

    def _open(self, address: str) -> None:
        """The overview; before the first task there is another page in its place."""
        for _ in range(_TRIES):
            self.page.goto(address)
            if self.page.locator("[data-topic='overview']").count():
                return
            self.wait(1)
        raise TimeoutError(f"{address} does not show the overview: {self.page.title()}")

    def cpu_seconds(self) -> float:
        """What the main thread of the page's process has taken so far."""
        return _read_cpu(self._thread)

    def measure_memory(self) -> Memory:
        self._session.send("HeapProfiler.collectGarbage")
        found = self._session.send("Performance.getMetrics")["metrics"]
        metrics = {each["name"]: int(each["value"]) for each in found}
        return Memory(metrics["JSHeapUsedSize"], metrics["Nodes"], metrics["JSEventListeners"])

    def hide(self) -> str:
        """Put the tab into the background; returns how: "browser", or "event" where a browser
        without windows shows every tab: then the page gets what a browser would tell it."""
        self._session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
        window = self._session.send("Browser.getWindowForTarget")["windowId"]
        minimized = {"windowId": window, "bounds": {"windowState": "minimized"}}
        self._session.send("Browser.setWindowBounds", minimized)
        self.page.wait_for_timeout(500)
        if self.page.evaluate("document.visibilityState") == "hidden":
            return "browser"
        self.page.evaluate(_HIDE)
        return "event"

    def chip(self) -> str:
        return str(self.page.evaluate(_CHIP))

    def wait(self, seconds: float) -> None:
        self.page.wait_for_timeout(seconds * 1_000)

    def _watch(self, socket: Any) -> None:
        socket.on("framereceived", self._count)

    def _count(self, _frame: Any) -> None:
        self.frames += 1

    def _find_thread(self, browser: Any) -> Path:
        """The main thread of the process that draws the page: the one that works when it does."""
        session = browser.new_browser_cdp_session()
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        session.detach()
        threads = [
            Path(f"/proc/{each['id']}/task/{each['id']}/stat")
            for each in processes
            if each["type"] == "renderer"
        ]
        before = {thread: _read_cpu(thread) for thread in threads}
        self.page.evaluate(_BUSY, _BUSY_MS)
        return max(threads, key=lambda thread: _read_cpu(thread) - before[thread])


def _read_cpu(thread: Path) -> float:
    """User and system time in seconds; a thread that has ended has none."""
    try:
        # The name, in brackets, may contain spaces.
        fields = thread.read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
