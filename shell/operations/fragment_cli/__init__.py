"""`fragment …`: one set of verbs, on this machine's registry or on a shell elsewhere by its address and a token."""
