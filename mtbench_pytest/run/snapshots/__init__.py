"""What candidate, baseline and judge said of a bench, as files beside the suite that a reviewer can read."""
