"""The registry over HTTP, for teams that ship their fragment with a token: `/registry/v1/`, OpenAPI included."""
