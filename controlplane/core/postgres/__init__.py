"""The database back-end of every connection; see `base`."""
