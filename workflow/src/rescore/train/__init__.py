"""Train the small ladder that ships with Rescore, and make its questions (which needs no torch)."""
