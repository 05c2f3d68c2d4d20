"""General multi-turn ability, in the eight categories of MT-bench."""
