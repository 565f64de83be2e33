"""What the other rooms build on: the policy, database threads, SQL statements and database backends. It imports no
model and has no domain logic.
"""
