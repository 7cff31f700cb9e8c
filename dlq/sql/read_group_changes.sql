-- What is not folded yet of the counts of these groups: open letters, deaths, and the newest death.
-- Nothing while %(changes)s changes or more wait.
WITH bound AS MATERIALIZED (
    SELECT count(*) < %(changes)s AS is_kept
    FROM (SELECT FROM dlq_lettercountchange LIMIT %(changes)s) few
)
SELECT k.fingerprint, k.type, sum(c.letters)::bigint,
    coalesce(sum(c.letters) FILTER (WHERE c.letters > 0), 0)::bigint,
    max(c.latest) FILTER (WHERE c.letters > 0)
FROM unnest(%(fingerprints)s::text[], %(types)s::text[]) AS k (fingerprint, type)
JOIN dlq_lettercountchange c ON c.workspace_id = %(workspace)s AND c.kind = 'GROUP_TYPE'
    AND c.name = k.fingerprint AND c.type = k.type
WHERE (SELECT is_kept FROM bound)
GROUP BY 1, 2
