"""Decision and rows as text: every function returns lines or strings, none prints or writes."""
