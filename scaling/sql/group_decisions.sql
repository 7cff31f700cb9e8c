-- The decisions from %(from)s on by steps of %(step)s seconds: the most workers that were recommended
-- and the number that was desired last. Ids are in the order of time; %(first_id)s is below all of
-- those times.
SELECT date_bin(%(step)s * interval '1 second', at, %(from)s) AS step, max(recommended_workers),
    (array_agg(to_workers ORDER BY id DESC))[1]
FROM scaling_scalingevent
WHERE pool_id = %(pool)s AND id >= %(first_id)s AND at >= %(from)s
GROUP BY 1
ORDER BY 1
