"""What one drive knows, and how it writes."""
