"""The servers that `manage.py serve` runs, and what this project adds to them:

uvicorn          for HTTP, unless TASKPLANE_HTTP_SERVER says otherwise
connections      its connections, with bounds
sockets          passes WebSockets on to Daphne, in the same process
daphne           for WebSockets, and for everything when TASKPLANE_HTTP_SERVER is `daphne`
daphne_requests  its requests, with the same bounds

Limits of bodies apply in `controlplane.core.http.gate`; Daphne reads a body before it calls the
gate, so its requests apply them earlier.
"""
