"""`report.html`, one page without scripts."""
