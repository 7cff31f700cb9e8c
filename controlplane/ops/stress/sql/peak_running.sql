-- The most attempts of a stress test that ran at once in each interval: an interval ends at one of
-- %(ends)s (ascending) and begins at the end of the one before. An attempt that ends as another
-- begins does not overlap it. Lost ones are left out: when they ended is known only from when they
-- were found.
WITH event AS (
    -- At one moment the ends come first, and the end of the interval last.
    SELECT e.at, e.change, e.place
    FROM stress_stresstask i
    JOIN tasks_app_taskattempt a ON a.task_id = i.task_id AND a.workspace_id = %(workspace)s
    CROSS JOIN LATERAL (VALUES (a.finished_at, -1, 0), (a.started_at, 1, 1)) AS e (at, change, place)
    WHERE i.test_id = %(test)s AND a.outcome <> 'LOST'
    UNION ALL
    SELECT upper, 0, 2 FROM unnest(%(ends)s::timestamptz[]) AS b (upper)
), level AS (
    SELECT place, sum(change) OVER so_far AS running,
        count(*) FILTER (WHERE place = 2) OVER so_far - (place = 2)::int AS interval
    FROM event
    WINDOW so_far AS (ORDER BY at, place ROWS UNBOUNDED PRECEDING)
), peak AS (
    SELECT interval, max(running) AS highest, max(running) FILTER (WHERE place = 2) AS at_end
    FROM level
    GROUP BY interval
)
SELECT greatest(highest, lag(at_end, 1, 0) OVER (ORDER BY interval), 0)
FROM peak
WHERE at_end IS NOT NULL
ORDER BY interval
