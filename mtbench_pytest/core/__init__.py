"""What every part shares: records, errors, specs, files."""
