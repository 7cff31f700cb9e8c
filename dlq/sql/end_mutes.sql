-- Groups whose mute has ended, by time or by growth, are open again. Returns those that changed.
WITH ended AS MATERIALIZED (
    SELECT g.id
    FROM dlq_lettergroup g
    WHERE g.state = 'MUTED' AND (g.muted_until <= %(now)s OR g.letters > g.muted_above)
    ORDER BY g.id LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE dlq_lettergroup g
SET state = 'OPEN', state_at = %(now)s, state_by = '', state_reason = '',
    version = g.version + 1, muted_until = NULL, muted_above = NULL
FROM ended
WHERE g.id = ended.id AND g.state = 'MUTED'
RETURNING g.id, g.workspace_id
