"""The live tables: the lobby's grid and one table's page. Shared: it never knows who is looking."""
