-- Bring groups up to date with counts that were folded in this transaction. A death in a resolved
-- group reopens it: one that came after the resolution, or whose letter is open although there was
-- none. Returns whether each was reopened.
WITH touched AS (
    SELECT * FROM unnest(%(workspaces)s::uuid[], %(fingerprints)s::text[], %(types)s::text[],
        %(deaths)s::bigint[], %(latest)s::timestamptz[])
        AS t (workspace_id, fingerprint, type, deaths, latest)
), locked AS MATERIALIZED (
    SELECT g.id, t.deaths, t.latest, newest.worker_version, newest.worker_release,
        coalesce(c.letters, 0) AS letters,
        g.state = 'RESOLVED' AND t.deaths > 0
            AND (t.latest > g.state_at OR coalesce(c.letters, 0) > 0) AS is_regressed
    FROM touched t
    JOIN dlq_lettergroup g ON g.workspace_id = t.workspace_id AND g.fingerprint = t.fingerprint
        AND g.type = t.type
    LEFT JOIN dlq_lettercount c ON c.workspace_id = t.workspace_id AND c.kind = 'GROUP_TYPE'
        AND c.name = t.fingerprint AND c.type = t.type
    LEFT JOIN LATERAL (
        SELECT l.worker_version, l.worker_release FROM dlq_deadletter l
        WHERE t.deaths > 0 AND l.workspace_id = t.workspace_id AND l.status = 'OPEN'
            AND l.fingerprint >= t.fingerprint AND l.fingerprint <= t.fingerprint
            AND l.type = t.type
        ORDER BY l.fingerprint DESC, l.id DESC LIMIT 1
    ) newest ON true
    ORDER BY g.id
    FOR NO KEY UPDATE OF g
)
UPDATE dlq_lettergroup g
SET letters = l.letters,
    deaths = g.deaths + l.deaths,
    last_seen = greatest(g.last_seen, l.latest),
    last_version = coalesce(nullif(l.worker_version, ''), g.last_version),
    last_release = coalesce(nullif(l.worker_release, ''), g.last_release),
    state = CASE WHEN l.is_regressed THEN 'REGRESSED' ELSE g.state END,
    state_at = CASE WHEN l.is_regressed THEN %(now)s ELSE g.state_at END,
    regressed_at = CASE WHEN l.is_regressed THEN %(now)s ELSE g.regressed_at END,
    state_by = CASE WHEN l.is_regressed THEN '' ELSE g.state_by END,
    state_reason = CASE WHEN l.is_regressed THEN '' ELSE g.state_reason END,
    version = CASE WHEN l.is_regressed THEN g.version + 1 ELSE g.version END
FROM locked l
WHERE l.id = g.id
RETURNING g.id, l.is_regressed
