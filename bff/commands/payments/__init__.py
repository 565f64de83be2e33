"""The payments provider: its API, its webhooks, the charges that it was asked for and how they end."""
