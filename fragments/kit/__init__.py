"""What a fragment written in Python needs, and nothing that knows a domain word.

`house` (who am I) · `context` (whom is this for) · `bff` (what is true) · `formats` (how it reads) ·
`answer` (what is said back) · `routes` and `asgi` (how it is served) · `function` (the same, without a server).
"""
