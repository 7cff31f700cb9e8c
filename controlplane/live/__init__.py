"""Live topics: what pages and API clients see change, over `/ws/live`.

One process, the broadcaster, reads each topic that somebody watches, once a period, and publishes
what changed. Every process with sockets has one hub, which receives that and passes it on.
"""
