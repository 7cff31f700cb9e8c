"""One turn of the autoscaler: who is there, what is wanted, what is done about it."""

import logging
import time
from datetime import datetime

import psycopg
from django.conf import settings
from django.db import OperationalError

from controlplane.core.clock import now
from controlplane.core.errors import Invalid
from scaling import transitions
from scaling.fleet import Fleet, FleetError
from scaling.models import Pool, ScalingEvent
from scaling.selectors.demand import Observer, is_idle
from scaling.selectors.launches import get_pause
from scaling.selectors.pool import get_configuration, get_pool
from scaling.services.acting import grow, shrink
from scaling.services.deciding import make_decision, memory_json, recall
from scaling.services.following import Follower
from scaling.services.mustering import Muster, muster
from scaling.services.orders import Order, find_order, order_plan
from scaling.services.recording import Plan, hold_plan, plan_of, record
from scaling.services.settling import fail_event
from scaling.states import EventState
from scaling.strategies import Decision, RunTimes
from tasks_app.dispatch.leader import Leadership
from tasks_app.signals import alert_raised

logger = logging.getLogger(__name__)

_FOLLOW_SHARE = 0.1  # of a usual start-up
_FOLLOW_LEAST_SECONDS = 1.0


class Turn:
    """The state that one process keeps between two turns; all of it may be lost."""

    def __init__(self, fleet: Fleet, leadership: Leadership) -> None:
        self._fleet, self._leadership = fleet, leadership
        self._follower = Follower(fleet)
        self._observer = Observer(settings.TASKPLANE["WORKER_QUEUES"])
        self._run_times = RunTimes.of(())
        self._decide_due = 0.0
        self._follow_due = 0.0
        self._known: tuple[object, ...] = ()
        self._is_settled = False
        self._problem: str | None = None

    def take(self) -> None:
        """What is due: a decision, a look at what is under way, or nothing."""
        moment = time.monotonic()
        pool = get_pool()
        order = find_order(pool)
        known = (pool.version, pool.manual_workers, pool.manual_until)
        news = known != self._known or (order is not None and order.event is not None)
        if news or moment >= self._decide_due:
            self._decide_due = moment + settings.TASKPLANE_SCALING["INTERVAL_SECONDS"]
            self._known = known
            self._decide(pool, order)
        elif not self._is_settled and moment >= self._follow_due:
            self._look(pool)

    def end(self, *, leads: bool) -> None:
        """The last of them: close the fleet, and, as the leader, note what ended with it."""
        try:
            self._fleet.close()
            if leads:
                self._follower.end()
        except FleetError as error:
            logger.warning("The back-end could not be closed: %s", error)

    def _look(self, pool: Pool) -> Muster | None:
        """Who is there, after what is under way was looked after; None when the back-end does not
        answer."""
        try:
            found = muster(self._fleet, self._follower.gone)
            if self._follower.follow(found):
                held = get_pause(self._fleet.name)
                self._decide_at(held.until if held is not None else now())
        except FleetError as error:
            self._tell_problem(str(error))
            _note_problem(pool, str(error))
            return None
        finally:
            pause = max(_FOLLOW_LEAST_SECONDS, self._fleet.usual_startup * _FOLLOW_SHARE)
            self._follow_due = time.monotonic() + pause
        self._problem = None
        self._is_settled = found.is_settled
        _note_muster(pool, self._fleet, found)
        return found

    def _decide(self, pool: Pool, order: Order | None) -> None:
        found = self._look(pool)
        if found is None:
            self._fail_order(order)
            self._record_hold(pool, pool.ready + pool.starting, pool.problem, "fleet")
            return
        crew = found.crew()
        try:
            configuration = get_configuration(pool)
        except Invalid as error:
            self._record_hold(pool, crew.workers, f"The configuration cannot be: {error}", "config")
            return
        if not configuration.enabled and order is None:
            _note_decision(pool, target=None)
            return
        try:
            decision = make_decision(
                self._observer,
                crew,
                configuration,
                recall(pool, self._fleet.name),
                fixed=found.fixed,
            )
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise
            sentence = f"{crew.workers} workers stay: the figures could not be read in time."
            self._record_hold(pool, crew.workers, sentence, "stale")
            return
        self._run_times = decision.demand.run_times
        plan = order_plan(order, decision, found) if order is not None else plan_of(decision)
        self._carry_out(pool, plan, found, order, most=decision.settings.max_workers)
        _note_decision(pool, target=plan.wanted, decision=decision, by_order=order is not None)

    def _carry_out(
        self, pool: Pool, plan: Plan, found: Muster, order: Order | None, *, most: int
    ) -> None:
        event = order.event if order is not None else None
        if not self._fleet.moves:
            self._advise(pool, plan, event)
            return
        if plan.change == 0:
            self._keep(pool, plan, event)
            return
        obstacle = self._find_obstacle(plan, found, max(most, plan.wanted)) if not event else ""
        if obstacle:
            self._record(pool, plan, EventState.HELD, outcome=obstacle)
            return
        self._act(pool, plan, found, event)

    def _decide_at(self, moment: datetime) -> None:
        """Decide then, if that is before the next decision."""
        left = max(0.0, (moment - now()).total_seconds())
        self._decide_due = min(self._decide_due, time.monotonic() + left)

    def _find_obstacle(self, plan: Plan, found: Muster, most: int) -> str:
        """Why more workers are wanted and none is started; empty when nothing is in the way."""
        if plan.change <= 0:
            return ""
        pause = get_pause(self._fleet.name)
        if pause is not None and pause.until > now():
            self._decide_at(pause.until)
            return f"Not followed until {pause.until:%H:%M:%S} UTC. {pause.reason}"
        # Those that never came up still exist: without this their number would grow without end.
        idle = len(found.workers) - len(found.leaving) - plan.now
        if idle > 0 and plan.wanted + idle > most:
            return f"Not followed: {idle} workers exist that have not come up; see the nodes."
        return ""

    def _act(self, pool: Pool, plan: Plan, found: Muster, event: ScalingEvent | None) -> None:
        if not self._leadership.hold():
            return  # another leads by now, and decides itself
        if event is None:
            event = self._record(pool, plan, EventState.ACTING)
        elif not transitions.move_event(event.id, EventState.ACTING):
            return  # superseded by another order meanwhile
        logger.info("%s", plan.sentence)
        try:
            if plan.change > 0:
                grow(self._fleet, event, plan.change)
            else:
                victims = shrink(self._fleet, found, -plan.change, self._run_times)
                ScalingEvent.objects.filter(id=event.id).update(victims=victims)
        except FleetError as error:
            fail_event(event, str(error))
            _note_problem(pool, str(error))
        self._is_settled = False
        self._follow_due = 0.0

    def _keep(self, pool: Pool, plan: Plan, event: ScalingEvent | None) -> None:
        if event is None:
            self._record(pool, plan, EventState.HELD)
        else:
            said = "That many there were already."
            transitions.move_event(event.id, EventState.REACHED, outcome=said)

    def _advise(self, pool: Pool, plan: Plan, event: ScalingEvent | None) -> None:
        said = "Published; whatever follows GET /auto-scaling/metric acts upon it."
        if event is not None:
            transitions.move_event(event.id, EventState.ADVISED, outcome=said)
        elif plan.wanted != pool.target:
            self._record(pool, plan, EventState.ADVISED, outcome=said)
        else:
            self._record(pool, plan, EventState.HELD)

    def _record(
        self, pool: Pool, plan: Plan, state: EventState, *, outcome: str = ""
    ) -> ScalingEvent:
        return record(pool, plan, state, term=self._leadership.term or 0, outcome=outcome)

    def _record_hold(self, pool: Pool, workers: int, sentence: str, limiter: str) -> None:
        self._record(pool, hold_plan(workers, sentence, limiter), EventState.HELD)

    def _fail_order(self, order: Order | None) -> None:
        if order is not None and order.event is not None and self._problem:
            fail_event(order.event, self._problem)

    def _tell_problem(self, problem: str) -> None:
        """Once, not at each turn."""
        if problem != self._problem:
            logger.warning("The back-end cannot be moved: %s", problem)
            alert_raised.send_robust(
                sender=Turn,
                kind="fleet-away",
                severity="warning",
                message=problem[:1_000],
                detail={"backend": self._fleet.name},
            )
        self._problem = problem


def _note_problem(pool: Pool, problem: str) -> None:
    pool.problem = problem[:1_000]
    pool.save(update_fields=["problem"])


def _note_muster(pool: Pool, fleet: Fleet, found: Muster) -> None:
    pool.backend, pool.problem = fleet.name, ""
    pool.ready, pool.starting = len(found.ready), len(found.starting)
    pool.draining = len(found.leaving)
    pool.save(update_fields=["backend", "problem", "ready", "starting", "draining"])


def _note_decision(
    pool: Pool, *, target: int | None, decision: Decision | None = None, by_order: bool = False
) -> None:
    pool.target, pool.decided_at = target, now()
    fields = ["target", "decided_at"]
    if decision is not None:
        pool.is_idle = is_idle(decision.demand)
        # While an order holds, the strategy's wishes are not what happens: it begins anew after it.
        pool.memory = {} if by_order else memory_json(decision.outcome.memory)
        fields += ["is_idle", "memory"]
    pool.save(update_fields=fields)
