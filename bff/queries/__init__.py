"""The read side: the projector, and views over HTTP. Never touches the command database or a provider.

Server: `bff.queries.asgi:application`; endpoints are named in `bff.contracts.{tables,wallet,promotions}`.
"""
