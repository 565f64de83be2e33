"""Three game providers of one sandbox, each with a catalogue and a protocol of its own.

`lantern`: `POST /lantern/operator/generic/v2/game/list` with `X-Hub88-Signature`, the whole list as JSON.
`tidewheel`: a WebSocket at `/tidewheel/changes`, a snapshot in pages and then each change with its number.
`oakmill`: `GET /oakmill/export.csv`, semicolons, windows-1252 and German words, over some seconds.
"""
