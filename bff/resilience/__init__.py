"""Guarded calls to other processes: outcome, deadline, breaker, bulkhead, budget, last good, transport. A leaf; no Django."""
