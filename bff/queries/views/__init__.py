"""One module a subject; each view is a function of the store and the request."""
