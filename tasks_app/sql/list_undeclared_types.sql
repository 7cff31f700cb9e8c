-- Types that are not declared now: the newest declaration of each, and until when it was declared.
SELECT newest.type, newest.content::text, declared.until
FROM (
    SELECT DISTINCT ON (d.type) d.type, d.content
    FROM tasks_app_typedeclaration d
    WHERE NOT d.type = ANY(%(live)s::text[])
    ORDER BY d.type, d.id DESC
    LIMIT %(limit)s
) newest
CROSS JOIN LATERAL (
    SELECT max(s.last_declared_at) AS until
    FROM tasks_app_typedeclaration d
    JOIN tasks_app_declaredset s ON s.members @> ARRAY[d.id]
    WHERE d.type = newest.type
) declared
WHERE declared.until IS NOT NULL
