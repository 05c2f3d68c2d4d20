"""What a decided run leaves behind."""
