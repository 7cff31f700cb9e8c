"""The engine inside a worker's pool child: claim a batch, run it, write the outcomes."""
