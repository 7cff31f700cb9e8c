-- How many rows each state has. The caller fills in a limited statement that selects states.
SELECT state, count(*) FROM ({few}) few GROUP BY state
