"""What pool children, agents and nodes do."""

import tempfile
import time
from pathlib import Path
from uuid import UUID

from django.db import connections, transaction
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tasks_app import services, transitions
from tasks_app.rows import ClaimedRow
from tasks_app.services.rescue import settle_slot
from tests.manual_worker import register_node, store
from tests.property.endings import ENDINGS, settled
from tests.property.history import History, nodes, one, picks
from workers.services import LossDetector, stop_node
from workers.slots import InterruptFlag, RowStatus, Slot
from workers.transitions import begin_drain

_KEPT_CLAIMS = 12  # the oldest of them are long stale


class WorkerRules(History):
    """Claims and their ends: right ones, stale ones, and those of the dead."""

    @rule(at=nodes, want=st.integers(1, 4))
    def claim(self, at: int, want: int) -> None:
        self._claim(at, want)

    @rule(at=nodes)
    def claim_all(self, at: int) -> None:
        """A second rule, so that histories have more of it."""
        self._claim(at, 50)

    def _claim(self, at: int, want: int) -> None:
        claims, _ = store(self.nodes[at], self.queue).exchange([], want=want)
        room = want
        if self.max_running is not None:
            room = min(want, self.max_running - len(self.model.running()))
        if self.is_paused or not self.can_claim[at]:
            room = 0
        assert {row.id for row in claims} == set(self.model.next_ready(room))
        assert len({row.lease for row in claims}) <= 1
        for row in claims:
            self.model.start(row.id, lease=row.lease, node=self.nodes[at])
            self.claims.append((self.nodes[at], row))
        del self.claims[:-_KEPT_CLAIMS]
        self.after()

    def _claims(self, places: list[int]) -> list[tuple[int, ClaimedRow]]:
        """Claims from the newest backwards: mostly right ones, and stale ones."""
        found = {self.claims[-1 - p % len(self.claims)][1].lease: p for p in places}
        chosen = [self.claims[-1 - p % len(self.claims)] for p in found.values()]
        return list({row.id: (node, row) for node, row in chosen}.values())

    @precondition(lambda self: self.claims)
    @rule(places=picks, kinds=st.lists(st.sampled_from(sorted(ENDINGS)), min_size=3, max_size=3))
    def finish(self, places: list[int], kinds: list[str]) -> None:
        """Outcomes of one child in one commit, some of them perhaps stale."""
        self._finish(places, kinds)

    @precondition(lambda self: self.claims)
    @rule(place=one, kind=st.sampled_from(sorted(ENDINGS)))
    def finish_one(self, place: int, kind: str) -> None:
        self._finish([place], [kind])

    @precondition(lambda self: self.claims)
    @rule(
        kind=st.sampled_from(["succeeds", "fails for good", "succeeds", "fails"]),
        is_cancelled=st.booleans(),
    )
    def finish_newest(self, kind: str, is_cancelled: bool) -> None:
        """Perhaps somebody has just asked for its end."""
        newest = self.claims[-1][1]
        if is_cancelled and newest.id in self.model.tasks:
            self.do_cancel([newest.id])
        self._finish([0], [kind])

    @precondition(lambda self: self.model.running())
    @rule(at=nodes, has_died=st.booleans())
    def work_changes_hands(self, at: int, has_died: bool) -> None:
        """From one node to the other, which claims at once."""
        self.node_ends(at, has_died)
        self._claim(1 - at, 50)

    def write_as_zombie(self) -> None:
        """An outcome, or a hand-back, under a lease that was lost; best of a task that runs under
        another one now."""
        running = {task.id for task in self.model.running()}
        stale = [c for c in self.claims if not self.model.holds(c[1].id, c[1].lease)]
        stale.sort(key=lambda claim: claim[1].id in running)
        if not stale:
            return
        node, row = stale[-1]
        self.writes += 1
        if self.writes % 2:
            store(node, self.queue).exchange([ENDINGS["succeeds"](row)])
        else:
            store(node, self.queue).exchange([], unstarted=[row])

    @precondition(lambda self: any(t.state == "COMPLETED" for t in self.model.tasks.values()))
    @rule(place=one, kind=st.sampled_from(["succeeds", "fails for good"]), at=nodes)
    def ended_work_runs_again(self, place: int, kind: str, at: int) -> None:
        """Retried by an operator; its dependents have had their release already."""
        (task_id,) = self.pick([place], {"COMPLETED"})
        services.retry_tasks(ids=[task_id], **self.common())
        self.model.retry([task_id])
        self.audits += 1
        self.after()
        self._claim(at, 50)
        if self.model.tasks[task_id].state == "RUNNING":
            newest = next(c for c in reversed(self.claims) if c[1].id == task_id)
            self._write([newest], [kind])

    def _finish(self, places: list[int], kinds: list[str]) -> None:
        self._write(self._claims(places), kinds)

    def _write(self, chosen: list[tuple[int, ClaimedRow]], kinds: list[str]) -> None:
        outcomes = [ENDINGS[kind](row) for (_, row), kind in zip(chosen, kinds, strict=False)]
        accepted = [o for o in outcomes if self.model.holds(o.id, o.lease)]
        store(chosen[0][0], self.queue).exchange(outcomes)
        self.model.end_attempts(
            (o.id, o.state, o.outcome, o.grant, o.lost, o.delay_ms > 0) for o in accepted
        )
        self.after()

    @precondition(lambda self: self.claims)
    @rule(places=picks, is_cancelled=st.booleans())
    def release(self, places: list[int], is_cancelled: bool) -> None:
        """Handed back unstarted; perhaps somebody has just asked for their end."""
        chosen = [row for _, row in self._claims(places)]
        if is_cancelled:
            self.do_cancel([row.id for row in chosen if row.id in self.model.tasks])
        self._release(chosen)

    def _release(self, chosen: list[ClaimedRow]) -> None:
        held = [row.id for row in chosen if self.model.holds(row.id, row.lease)]
        with transaction.atomic(), connections["default"].cursor() as cursor:
            ended = transitions.release_leased(cursor, [(row.id, row.lease) for row in chosen])
            transitions.settle_dependents(cursor, ended)
        assert sorted(row.id for row in ended) == sorted(held)
        self.model.release(held)
        self.after()

    @precondition(lambda self: self.claims)
    @rule(
        places=picks,
        statuses=st.lists(st.sampled_from([1, 2, 2, 2, 3, 4]), min_size=3, max_size=3),
        # 64: the agent killed the process, for this row or another; 1 or 8 alone: only asked.
        asks=st.lists(
            st.sampled_from([0, 0, 0, 0, 1, 8, 64, 65, 68, 72, 96]), min_size=3, max_size=3
        ),
    )
    def pool_child_dies(self, places: list[int], statuses: list[int], asks: list[int]) -> None:
        """Its slot file shows how far it was; the lease it announced last may name more rows."""
        chosen = self._claims(places)
        rows = [
            (row, RowStatus(status), InterruptFlag(ask if status == RowStatus.STARTED else 0))
            for (_, row), status, ask in zip(chosen, statuses, asks, strict=False)
        ]
        node, last = chosen[0]
        with tempfile.TemporaryDirectory() as folder:
            slot = self._slot(Path(folder), rows, last.lease)
            settle_slot(node, slot)
            slot.close()
        endings, released = settled(self.model, rows)
        self.model.end_attempts(endings)
        self.model.release(released)
        self.model.release(t.id for t in self.model.running(node) if t.lease == last.lease)
        self.after()

    def _slot(
        self, folder: Path, rows: list[tuple[ClaimedRow, RowStatus, InterruptFlag]], announced: UUID
    ) -> Slot:
        slot = Slot.create(folder, pid=1, pid_born=0.0)
        slot.announce(announced.bytes)
        for index, (row, _, _) in enumerate(rows):
            slot.claim(index, row.id.bytes, row.lease.bytes)
        for noted, (_, status, ask) in zip(list(slot.rows()), rows, strict=True):
            slot.set_flags(noted, ask)
            if status == RowStatus.TAKEN:
                slot.take_back(noted)
            elif status != RowStatus.CLAIMED:
                slot.start(noted.index, started=time.monotonic(), deadline=time.monotonic())
            if status == RowStatus.DONE:
                slot.done(noted.index)
        return slot

    @rule(at=nodes, has_died=st.booleans())
    def node_ends(self, at: int, has_died: bool) -> None:
        """Lost, or by itself, when nothing it held has started."""
        held = [task.id for task in self.model.running(self.nodes[at])]
        if has_died:
            assert LossDetector()._lose(self.nodes[at], 0)
            self.model.lose(held)
        else:
            stop_node(self.nodes[at])
            self.model.release(held)
        self.nodes[at], self.can_claim[at] = register_node(), True
        self.after()

    @rule(at=nodes)
    def node_drains(self, at: int) -> None:
        begin_drain(self.nodes[at])
        self.can_claim[at] = False
