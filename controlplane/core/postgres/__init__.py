"""Django's Postgres backend for the app's connection pool; see `base`."""
