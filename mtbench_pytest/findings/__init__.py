"""What a run tells beside its decision."""
