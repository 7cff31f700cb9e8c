"""The peers: small Celery applications, configured as their manual advises for throughput."""
