"""What has been paid for, kept; and how the processes of a run share the work."""
