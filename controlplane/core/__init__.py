"""What every app stands on: clock, ids, errors, SQL files, the rules of the HTTP API. No models."""
