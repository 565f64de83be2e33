"""The library for fragments written in Python; it has no domain word. `house`: the fragment's name, manifest and files
· `context`: the player, locale and page of a request · `bff`: client of the BFF · `formats`: money and times as text ·
`answer`: the HTTP response and its `Fragment-State` · `routes` and `asgi`: serving · `function`: the same without a
server.
"""
