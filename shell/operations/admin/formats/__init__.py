"""How the admin writes moments: to the second and in order of size, as the audit is read beside logs."""
