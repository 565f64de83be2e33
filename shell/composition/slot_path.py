"""Where slots are answered by themselves: `/slots/<page>/<slot>`, and below it what the fragment of a slot answers.

Public: `SLOTS_PREFIX`.
"""

SLOTS_PREFIX = "/slots/"
