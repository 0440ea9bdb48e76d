"""mien recovers faces."""
