-- Count ended parents off the steps that wait for them. A step that a retry has not reopened keeps
-- its end, whichever of its parents runs again.
WITH counted AS (
    UPDATE workflows_runstep s
    SET waits_for = s.waits_for - o.parents
    FROM unnest(%(keys)s::text[], %(counts)s::int[]) AS o (key, parents)
    WHERE s.run_id = %(run)s AND s.key = o.key AND s.state = 'PENDING'
    RETURNING s.key, s.waits_for, s.position
)
SELECT key FROM counted WHERE waits_for = 0 ORDER BY position
