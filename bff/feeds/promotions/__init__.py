"""The promotions provider: a list of offers, polled with a validator.

`offers` reads an answer, `poll` is one guarded request, `feed` runs it and tells the broker what came and went.
"""
