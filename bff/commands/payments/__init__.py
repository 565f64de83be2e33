"""The payments provider: its API, its webhooks, and the charges requested from it until they are settled."""
