-- The largest groups of open letters of a workspace, with the oldest and the newest letter of each.
-- Groups that have changed since the counts were folded may leave the largest or join them, so as
-- many more are looked at. For %(changes)s see count_letters.sql.
-- The bounds of a fingerprint are not an equality, which would not keep the planner from looking for
-- a small group among all open letters, by their ids.
WITH bound AS MATERIALIZED (
    SELECT count(*) < %(changes)s AS is_kept
    FROM (SELECT FROM dlq_lettercountchange LIMIT %(changes)s) few
), changed AS MATERIALIZED (
    SELECT DISTINCT name FROM dlq_lettercountchange
    WHERE workspace_id = %(workspace)s AND kind = 'GROUP' AND (SELECT is_kept FROM bound)
), candidate AS (
    (SELECT name FROM dlq_lettercount
    WHERE workspace_id = %(workspace)s AND kind = 'GROUP'
    ORDER BY letters DESC, latest DESC
    LIMIT %(limit)s + (SELECT count(*) FROM changed))
    UNION
    SELECT name FROM changed
), largest AS MATERIALIZED (
    SELECT candidate.name, sum(l.letters)::bigint AS size, max(l.latest) AS latest
    FROM candidate
    CROSS JOIN LATERAL (
        SELECT letters, latest FROM dlq_lettercounts
        WHERE workspace_id = %(workspace)s AND kind = 'GROUP' AND name = candidate.name
            AND (NOT is_change OR (SELECT is_kept FROM bound))
        OFFSET 0
    ) l
    GROUP BY candidate.name
    HAVING sum(l.letters) > 0
    ORDER BY size DESC, latest DESC
    LIMIT %(limit)s
)
SELECT g.name, newest.category, newest.error->>'class', newest.error->>'message', ARRAY(
        SELECT type::text FROM dlq_lettercounts
        WHERE workspace_id = %(workspace)s AND kind = 'GROUP_TYPE' AND name = g.name
        GROUP BY type HAVING sum(letters) > 0
        ORDER BY type LIMIT %(types)s),
    g.size, oldest.died_at, newest.died_at, newest.id
FROM largest g
CROSS JOIN LATERAL (
    SELECT id, category, error, died_at FROM dlq_deadletter
    WHERE workspace_id = %(workspace)s AND status = 'OPEN'
        AND fingerprint >= g.name AND fingerprint <= g.name
    ORDER BY fingerprint DESC, id DESC LIMIT 1
) newest
CROSS JOIN LATERAL (
    SELECT died_at FROM dlq_deadletter
    WHERE workspace_id = %(workspace)s AND status = 'OPEN'
        AND fingerprint >= g.name AND fingerprint <= g.name
    ORDER BY fingerprint, id LIMIT 1
) oldest
ORDER BY g.size DESC, newest.died_at DESC
