"""Every guard that keeps the promises, as an edit that removes it, and the tests that must notice.

`./scripts/mutate-guards` removes them one at a time. A guard that no test misses is no guard, or
its test does not bite.
"""

from dataclasses import dataclass

HISTORIES = "tests/property/test_transitions.py"
CLAIMS = "tests/concurrency/test_claims.py"
FAMILIES = "tests/concurrency/test_dependents.py"
SINGLES = "tests/concurrency/test_guards.py"
OPERATORS = "tests/concurrency/test_operators.py"
LOSS = "tests/concurrency/test_loss.py"
COMMITS = "tests/concurrency/test_unknown_commits.py"
ISOLATION = "tests/acceptance/test_isolation.py"
FAULTS = "tests/acceptance/test_handler_faults.py"
FORKS = "tests/unit/test_forks.py"
SUBMISSION = "tests/concurrency/test_submission.py"
GROUP = "tests/concurrency/test_group_commit.py"
EARLY = "tests/concurrency/test_early_wake_ups.py"
BATCHES = "tests/concurrency/test_letters.py"


@dataclass(frozen=True)
class Guard:
    """`old` stands once in `file`; `new` is what is left without the guard."""

    name: str
    file: str
    old: str
    new: str
    tests: str = HISTORIES

    def remove_from(self, text: str) -> str:
        """The text without the guard. Raises ValueError unless it stands there exactly once."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.file} has its text {text.count(self.old)} times")
        return text.replace(self.old, self.new)


def _sql(name: str, statement: str, old: str, new: str = "", tests: str = HISTORIES) -> Guard:
    return Guard(name, f"tasks_app/sql/{statement}.sql", old, new, tests)


def _group(name: str, old: str, new: str = "") -> Guard:
    return Guard(name, "tasks_app/services/group_commit.py", old, new, GROUP)


_HELD = "WHERE t.id = o.id AND t.state = 'RUNNING' AND t.lease = o.lease"

GUARDS = [
    # What a worker writes. (`state = 'RUNNING'` alone says nothing that the lease does not: a
    # CHECK holds that a row has a lease exactly while it runs.)
    _sql("finish: the lease", "finish_leased", _HELD, "WHERE t.id = o.id AND t.state = 'RUNNING'"),
    _sql("finish: lease and state", "finish_leased", _HELD, "WHERE t.id = o.id"),
    _sql("finish: a cancel wins", "finish_leased",
         """CASE WHEN t.cancel_requested_at IS NOT NULL AND o.state <> 'COMPLETED'
            THEN 'CANCELLED' ELSE o.state END""", "o.state"),
    _sql("finish: attempts given back", "finish_leased", ' + o."grant"'),
    _sql("finish: losses counted", "finish_leased", " + o.lost"),
    _sql("release: the lease", "release_leased", " AND t.lease = o.lease"),
    _sql("release: no attempt charged", "release_leased", "t.attempt - 1", "t.attempt"),
    _sql("release: a cancel wins", "release_leased",
         "CASE WHEN t.cancel_requested_at IS NULL THEN 'PENDING' ELSE 'CANCELLED' END",
         "'PENDING'"),
    Guard("rescue: quarantine of poison", "tasks_app/services/rescue.py",
          'is_poison = claim.lost_count + 1 >= settings.TASKPLANE["LOST_LIMIT"]',
          "is_poison = False"),
    Guard("rescue: the announced lease", "tasks_app/services/rescue.py",
          "if slot.announced is not None:", "if False:"),
    Guard("store: forget an unanswered claim", "tasks_app/execution/store.py",
          "                self._forget(lease, give_up)\n", "", COMMITS),
    # Claims.
    _sql("claim: row lock and recheck", "claim_ready", "        FOR UPDATE SKIP LOCKED\n", "",
         CLAIMS),
    _sql("claim: locked rows are skipped", "claim_ready", "FOR UPDATE SKIP LOCKED", "FOR UPDATE",
         CLAIMS),
    _sql("claim: only active nodes", "claim_ready", " AND n.state = 'ACTIVE'", tests=CLAIMS),
    _sql("claim: paused queues rest", "claim_ready",
         "      AND q.paused_at IS NULL\n", tests=CLAIMS),
    _sql("claim: limited lanes are another claim's", "claim_ready",
         "      AND q.max_running IS NULL\n", tests=CLAIMS),
    _sql("claim: lanes share a batch", "claim_ready",
         "(SELECT ceil(%(want)s::numeric / count(*))::int FROM lane)", "%(want)s", CLAIMS),
    _sql("limits: the lane's lock", "lock_limited_lanes", "FOR NO KEY UPDATE OF q SKIP LOCKED", "",
         CLAIMS),
    _sql("limits: only active nodes", "lock_limited_lanes",
         " AND n.state = 'ACTIVE'", tests=CLAIMS),
    _sql("limits: paused queues rest", "lock_limited_lanes",
         "  AND q.paused_at IS NULL\n", tests=CLAIMS),
    Guard("limits: what runs is counted", "tasks_app/transitions.py",
          "allowed = min(allowed, max_running - cursor.fetchone()[0])",
          "cursor.fetchone()", CLAIMS),
    Guard("limits: tokens are spent", "tasks_app/transitions.py",
          '{"left": tokens - len(taken), "lane": lane}', '{"left": tokens, "lane": lane}', CLAIMS),
    _sql("promote: only what is due", "promote_due", " AND t.run_at <= statement_timestamp()"),
    # Families.
    _sql("satisfy: an edge counts once", "satisfy_dependents",
         " AND NOT d.is_satisfied", tests=SINGLES),
    _sql("satisfy: policy of a failed parent", "satisfy_dependents",
         "child.on_parent_failure = 'run'", "true"),
    _sql("satisfy: only the blocked are released", "satisfy_dependents",
         "t.state <> 'BLOCKED' OR t.blocked_by", "t.blocked_by"),
    _sql("cascade: spares who runs anyway", "cancel_dependents",
         """ AND t.on_parent_failure = 'cancel'
        OFFSET 0
    ) AS blocked
    UNION""", "\n        OFFSET 0\n    ) AS blocked\n    UNION"),
    Guard("cascade: looks again", "tasks_app/transitions.py",
          "    while parents:", "    if parents:", FAMILIES),
    _sql("submit: parents are locked", "mark_parents", "    FOR NO KEY UPDATE\n", "", FAMILIES),
    # Operators.
    Guard("cancel: one look at a locked row", "tasks_app/services/control.py",
          "        _lock(workspace_id, ids)\n        ended =", "        ended =", OPERATORS),
    Guard("retry: parents are locked", "tasks_app/services/control.py",
          '.select_for_update(no_key=True).values_list("id", "state")',
          '.values_list("id", "state")', FAMILIES),
    Guard("retry: not into waiting for ever", "tasks_app/services/control.py",
          "ids=[i for i in free if i not in broken]", "ids=free"),
    Guard("retry: only what has ended", "tasks_app/transitions.py",
          "          AND state IN ('COMPLETED', 'FAILED', 'CANCELLED')\n", ""),
    Guard("cancel: the running are asked only", "tasks_app/transitions.py",
          "workspace_id = %(workspace)s AND state = 'RUNNING'", "workspace_id = %(workspace)s"),
    Guard("edit: only what has not started", "tasks_app/transitions.py", "AND attempt = 0 AND",
          "AND"),
    # What handlers leave behind.
    Guard("isolation: transactions are rolled back", "tasks_app/execution/isolation/guard.py",
          "            left += self._main.clean()\n", "            left += []\n", ISOLATION),
    Guard("isolation: a forked child ends", "tasks_app/execution/isolation/guard.py",
          "            forks.end_child(error)\n", "            logger.debug(error)\n", FAULTS),
    Guard("isolation: a time-out cannot be hidden", "tasks_app/endings.py",
          "    if interruption is None:\n",
          "    if interruption is None or error is not interruption:\n", FAULTS),
    # Batches.
    Guard("batch: one driver at a time", "tasks_app/batches.py",
          "self.model._default_manager.select_for_update(skip_locked=True)",
          "self.model._default_manager.all()", BATCHES),
    Guard("batch: a pass is one transaction", "tasks_app/batches.py",
          "    @transaction.atomic\n    def _drive_one", "    def _drive_one", BATCHES),
    # Submission and nodes.
    Guard("submit: a key is used once", "controlplane/workspaces/idempotency.py",
          "                WHERE k.expires_at < EXCLUDED.created_at\n", "", SUBMISSION),
    Guard("submit: a key has one body", "controlplane/workspaces/idempotency.py",
          "if bytes(used_hash) != body_hash:", "if False:", SUBMISSION),
    _group("group: an open transaction is its owner's",
           "return bool(wrapper.autocommit)", "return True"),
    _group("group: the lead is handed over",
           "self._leader = self._waiting.popleft() if self._waiting else None",
           "self._leader = None"),
    _group("group: what failed together is tried alone",
           "verdict = _Verdict.LEAD if len(members) == 1 else _Verdict.ALONE",
           "verdict = _Verdict.LEAD if len(members) == 1 else _Verdict.COMMITTED"),
    _group("group: what is there is not refused",
           "None if _is_there_already(error) else error", "error"),
    _group("group: nobody waits for ever", "acquire(timeout=_PATIENCE_SECONDS)", "acquire()"),
    _group("group: one commit is bounded", "if rows > MAX_ROWS or size > MAX_BYTES:", "if False:"),
    _group("group: a forked child has its own",
           "        os.register_at_fork(after_in_child=self._reset)\n"),
    Guard("fork: a forked child ends at SIGTERM", "tasks_app/execution/isolation/forks.py",
          "signal.signal(signal.SIGTERM, signal.SIG_DFL)", "pass", FORKS),
    Guard("fork: SIGTERM waits for the end of the fork", "tasks_app/execution/isolation/forks.py",
          "before=_hold_end, ", "before=lambda: setattr(_mask, 'before', ()), ", FORKS),
    Guard("early: looks until the task is there", "tasks_app/execution/drain.py",
          "is_last_look = monotonic() >= until", "is_last_look = True", EARLY),
    Guard("early: a long commit is followed by another", "tasks_app/wakeups.py",
          "if time.monotonic() - self._sent_at < EARLY_SECONDS:", "if True:", EARLY),
    Guard("early: not for what may be rolled back", "controlplane/core/sql.py",
          "if connection.autocommit and connection.prepare_threshold is not None:", "if True:",
          EARLY),
    Guard("loss: a gap in seeing is an outage", "workers/services.py",
          "if moment - self._last_check > lease_seconds / 2:", "if False:", LOSS),
    Guard("loss: a late beat saves", "workers/transitions.py",
          "reason, Q(heartbeat=heartbeat))", "reason, Q())", LOSS),
]  # fmt: skip
