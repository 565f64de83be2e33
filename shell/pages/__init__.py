"""The pages as data: templates with slots, and one table that says which fragment fills which."""
