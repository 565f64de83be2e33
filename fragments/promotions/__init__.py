"""The offers: what runs, until when, on which terms; and the claim."""
