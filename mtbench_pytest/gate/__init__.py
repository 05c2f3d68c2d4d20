"""The decision, as pure functions of rows."""
