"""A platform that runs a fragment as a function, as AWS Lambda does: one environment per concurrent request, and none
while there is no request.

Each environment is a process with AWS's own runtime client (`awslambdaric`) in it, which takes its events from a
Runtime API of its own (2018-06-01). Requests come in at the platform's port as at a function URL (payload format 2.0).

| module | what it does |
|---|---|
| `policy.py` | every number |
| `event.py` | a request as an event, a function's answer as HTTP |
| `runtime_api.py` | the Runtime API of one environment |
| `environment.py` | one environment: its process, its state, one request at a time |
| `pool.py` | which environment takes a request; how many there may be, and when one goes |
| `bill.py` | what it would be paid for |
| `day.py`, `__main__.py` | the bill of a day with a final in it, beside servers that wait |
| `page.py` | environments that come and go, for people |
| `server.py` | the platform as a server, with faults to set |
"""
