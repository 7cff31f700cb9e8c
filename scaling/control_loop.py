"""The control loop: it compares the present workers with the desired number, and acts."""

import logging
import time
from datetime import datetime

import psycopg
from django.conf import settings
from django.db import OperationalError

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from controlplane.core.runtime.leader import Leadership
from scaling import sentences, transitions
from scaling.actions import start_workers, terminate_workers
from scaling.decisions import (
    Plan,
    load_memory,
    make_decision,
    no_change_plan,
    record,
    save_decision,
    strategy_plan,
)
from scaling.fleet import Fleet, FleetError
from scaling.fleet_snapshot import FleetSnapshot, take_snapshot
from scaling.launches import LaunchTracker, fail_event
from scaling.models import Pool, ScalingEvent
from scaling.overrides import ActiveOverride, find_override, override_plan
from scaling.queries.demand import Observer
from scaling.queries.launches import get_pause
from scaling.queries.pool import get_configuration, get_pool
from scaling.schema import Configuration
from scaling.states import EventState
from scaling.strategies import Decision, RunTimes
from tasks_app.signals import alert_raised

logger = logging.getLogger(__name__)

_FOLLOW_SHARE = 0.1  # of a usual start-up
_MIN_FOLLOW_SECONDS = 1.0


class ControlLoop:
    """The state that one process keeps between two passes; all of it may be lost."""

    def __init__(self, fleet: Fleet, leadership: Leadership) -> None:
        self._fleet, self._leadership = fleet, leadership
        self._tracker = LaunchTracker(fleet)
        self._observer = Observer(settings.TASKPLANE["WORKER_QUEUES"])
        self._run_times = RunTimes.of(())
        self._decide_due = 0.0
        self._follow_due = 0.0
        self._seen: tuple[object, ...] = ()
        self._is_settled = False
        self._problem: str | None = None

    def run_once(self) -> None:
        """Do what is due: make a decision, track launches and drains, or nothing."""
        moment = time.monotonic()
        pool = get_pool()
        override = find_override(pool)
        seen = (pool.version, pool.manual_workers, pool.manual_until)
        has_changed = seen != self._seen or (override is not None and override.event is not None)
        if has_changed or moment >= self._decide_due:
            self._decide_due = moment + settings.TASKPLANE_SCALING["INTERVAL_SECONDS"]
            self._seen = seen
            self._decide(pool, override)
        elif not self._is_settled and moment >= self._follow_due:
            self._follow(pool)

    def end(self, *, leads: bool) -> None:
        """Close the fleet and, as the leader, record what ended with it."""
        try:
            self._fleet.close()
            if leads:
                self._tracker.end()
        except FleetError as error:
            logger.warning("Fleet not closed: backend=%s error=%s", self._fleet.name, error)

    def _follow(self, pool: Pool) -> FleetSnapshot | None:
        """The fleet, after launches and drains were updated; None if the back-end does not
        respond."""
        try:
            snapshot = take_snapshot(self._fleet, self._tracker.gone)
            if self._tracker.update(snapshot):
                pause = get_pause(self._fleet.name)
                self._decide_at(pause.until if pause is not None else now())
        except FleetError as error:
            self._report_problem(str(error))
            _save_problem(pool, str(error))
            return None
        finally:
            seconds = max(_MIN_FOLLOW_SECONDS, self._fleet.usual_startup * _FOLLOW_SHARE)
            self._follow_due = time.monotonic() + seconds
        self._problem = None
        self._is_settled = snapshot.is_settled
        _save_snapshot(pool, self._fleet, snapshot)
        return snapshot

    def _decide(self, pool: Pool, override: ActiveOverride | None) -> None:
        snapshot = self._follow(pool)
        if snapshot is None:
            self._fail_override(override)
            self._record_no_change(pool, pool.ready + pool.starting, pool.problem, "fleet")
            return
        current = snapshot.count().total
        try:
            configuration = get_configuration(pool)
        except Invalid as error:
            problem = sentences.invalid_configuration(str(error))
            self._record_no_change(pool, current, problem, "config")
            return
        if not configuration.enabled and override is None:
            save_decision(pool, target=None)
            return
        decision = self._ask_strategy(pool, snapshot, configuration)
        if decision is None:
            self._record_no_change(pool, current, sentences.MEASURING_TIMED_OUT, "stale")
            return
        self._run_times = decision.demand.run_times
        if override is None:
            plan = strategy_plan(decision)
        else:
            plan = override_plan(override, decision, snapshot.unmanaged)
        event = override.event if override is not None else None
        self._carry_out(pool, plan, snapshot, event, limit=decision.settings.max_workers)
        save_decision(pool, target=plan.desired, decision=decision, overridden=override is not None)

    def _ask_strategy(
        self, pool: Pool, snapshot: FleetSnapshot, configuration: Configuration
    ) -> Decision | None:
        """None when a query took too long."""
        try:
            return make_decision(
                self._observer,
                snapshot.count(),
                configuration,
                load_memory(pool, self._fleet.name),
                unmanaged=snapshot.unmanaged,
            )
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise
            return None

    def _carry_out(
        self,
        pool: Pool,
        plan: Plan,
        snapshot: FleetSnapshot,
        event: ScalingEvent | None,
        *,
        limit: int,
    ) -> None:
        if not self._fleet.moves:
            self._publish(pool, plan, event)
            return
        if plan.change == 0:
            self._keep(pool, plan, event)
            return
        obstacle = ""
        if event is None:
            obstacle = self._find_obstacle(plan, snapshot, max(limit, plan.desired))
        if obstacle:
            self._record(pool, plan, EventState.UNCHANGED, outcome=obstacle)
            return
        self._act(pool, plan, snapshot, event)

    def _decide_at(self, moment: datetime) -> None:
        """Decide at that time, if it is before the next decision."""
        left = max(0.0, (moment - now()).total_seconds())
        self._decide_due = min(self._decide_due, time.monotonic() + left)

    def _find_obstacle(self, plan: Plan, snapshot: FleetSnapshot, limit: int) -> str:
        """Why more workers are desired but none is started; empty if nothing prevents it."""
        if plan.change <= 0:
            return ""
        pause = get_pause(self._fleet.name)
        if pause is not None and pause.until > now():
            self._decide_at(pause.until)
            return sentences.delayed_until(pause.until, pause.reason)
        # Those that never became ready still exist: without this their number would only grow.
        not_ready = len(snapshot.workers) - len(snapshot.leaving) - plan.current
        if not_ready > 0 and plan.desired + not_ready > limit:
            return sentences.workers_not_ready(not_ready)
        return ""

    def _act(
        self, pool: Pool, plan: Plan, snapshot: FleetSnapshot, event: ScalingEvent | None
    ) -> None:
        if not self._leadership.hold():
            return  # another process leads now, and decides itself
        if event is None:
            event = self._record(pool, plan, EventState.ACTING)
        elif not transitions.move_event(event.id, EventState.ACTING):
            return  # a newer override has superseded it
        logger.info("Scaling event: id=%s sentence=%s", event.id, plan.sentence)
        try:
            if plan.change > 0:
                start_workers(self._fleet, event, plan.change)
            else:
                victims = terminate_workers(self._fleet, snapshot, -plan.change, self._run_times)
                ScalingEvent.objects.filter(id=event.id).update(victims=victims)
        except FleetError as error:
            fail_event(event, str(error))
            _save_problem(pool, str(error))
        self._is_settled = False
        self._follow_due = 0.0

    def _keep(self, pool: Pool, plan: Plan, event: ScalingEvent | None) -> None:
        if event is None:
            self._record(pool, plan, EventState.UNCHANGED)
        else:
            outcome = sentences.ALREADY_REACHED
            transitions.move_event(event.id, EventState.SUCCEEDED, outcome=outcome)

    def _publish(self, pool: Pool, plan: Plan, event: ScalingEvent | None) -> None:
        outcome = sentences.PUBLISHED
        if event is not None:
            transitions.move_event(event.id, EventState.RECOMMENDED, outcome=outcome)
        elif plan.desired != pool.target:
            self._record(pool, plan, EventState.RECOMMENDED, outcome=outcome)
        else:
            self._record(pool, plan, EventState.UNCHANGED)

    def _record(
        self, pool: Pool, plan: Plan, state: EventState, *, outcome: str = ""
    ) -> ScalingEvent:
        return record(pool, plan, state, term=self._leadership.term or 0, outcome=outcome)

    def _record_no_change(self, pool: Pool, workers: int, problem: str, constraint: str) -> None:
        plan = no_change_plan(workers, problem, constraint)
        self._record(pool, plan, EventState.UNCHANGED)

    def _fail_override(self, override: ActiveOverride | None) -> None:
        if override is not None and override.event is not None and self._problem:
            fail_event(override.event, self._problem)

    def _report_problem(self, problem: str) -> None:
        """Once, not at each pass."""
        if problem != self._problem:
            logger.warning("Fleet unreachable: backend=%s problem=%s", self._fleet.name, problem)
            alert_raised.send_robust(
                sender=ControlLoop,
                kind="fleet-unreachable",
                severity="warning",
                message=problem[:1_000],
                detail={"backend": self._fleet.name},
            )
        self._problem = problem


def _save_problem(pool: Pool, problem: str) -> None:
    pool.problem = problem[:1_000]
    pool.save(update_fields=["problem"])


def _save_snapshot(pool: Pool, fleet: Fleet, snapshot: FleetSnapshot) -> None:
    pool.backend, pool.problem = fleet.name, ""
    pool.ready, pool.starting = len(snapshot.ready), len(snapshot.starting)
    pool.draining = len(snapshot.leaving)
    pool.save(update_fields=["backend", "problem", "ready", "starting", "draining"])
