"""What contracts and the product file are written in, the calendar, the home: objects, keys, state."""
