"""Words on the wire that every house shares. A leaf: it imports no other room, does no I/O, and knows no framework."""
