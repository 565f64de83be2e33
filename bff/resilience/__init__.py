"""Guarded calls to other processes. A leaf; no Django.

Outcome, deadline, breaker, bulkhead, budget, last good, transport.
"""
