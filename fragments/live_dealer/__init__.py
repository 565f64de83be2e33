"""The live tables: the lobby's grid and one table's page. Shared: it gets no player context."""
