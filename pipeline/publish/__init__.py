"""What is made from marts besides the report."""
