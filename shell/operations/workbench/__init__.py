"""`fragment dev FOLDER`: a team's fragment as it runs, in a shell made of fixtures, in every state of it."""
