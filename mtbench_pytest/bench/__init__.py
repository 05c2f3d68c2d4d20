"""A bench: its questions, prompts, verdict markers and checks, and how they are read."""
