"""Whether the system works: for people, for load balancers, for Prometheus."""
