"""One module per event format; each turns a record into canonical records."""
