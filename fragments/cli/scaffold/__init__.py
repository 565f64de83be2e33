"""`fragment new NAME`: a fragment that works, with tests, in a folder of its own. Needs Python and nothing else."""
