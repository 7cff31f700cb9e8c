"""The base of every app: clock, ids, errors, SQL files, the rules of the HTTP API. No models."""
