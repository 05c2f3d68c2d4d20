"""Checkpoints answered by transformers on this machine."""
