"""The `mullion` command for teams that ship a fragment: its verbs, and the client of a shell's registry over HTTP. It
depends on httpx only.
"""
