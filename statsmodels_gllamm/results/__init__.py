"""Results of a fit: thin methods over one file per question a user asks."""
