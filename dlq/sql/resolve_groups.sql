-- Groups all of whose letters were discarded, or reprocessed by tasks that completed, are resolved;
-- a muted one when its time is over: a death until then is hidden. What waits to be counted may be a
-- letter of them. Returns those that changed.
WITH settled AS MATERIALIZED (
    SELECT g.id
    FROM dlq_lettergroup g
    WHERE g.state <> 'RESOLVED' AND g.letters = 0 AND g.id > %(after)s AND g.last_seen >= %(since)s
        AND (g.state <> 'MUTED' OR g.muted_until <= %(now)s)
        AND NOT EXISTS (
            SELECT FROM dlq_lettercountchange c
            WHERE c.workspace_id = g.workspace_id AND c.kind = 'GROUP_TYPE'
                AND c.name = g.fingerprint AND c.type = g.type)
        AND NOT EXISTS (
            SELECT FROM dlq_deadletter l
            WHERE l.workspace_id = g.workspace_id AND l.fingerprint = g.fingerprint
                AND l.type = g.type AND l.status = 'REPROCESSED'
                AND l.rerun IN ('', 'DIED', 'GONE'))
    ORDER BY g.id LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE dlq_lettergroup g
SET state = 'RESOLVED', state_at = %(now)s, state_by = '', state_reason = '',
    version = g.version + 1, muted_until = NULL, muted_above = NULL, acknowledged_deaths = NULL
FROM settled
WHERE g.id = settled.id AND g.state <> 'RESOLVED'
RETURNING g.id, g.workspace_id
