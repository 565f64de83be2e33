"""`fragment dev FOLDER`: runs a team's fragment in a shell with fixtures, and shows it in every state."""
