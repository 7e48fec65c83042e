"""What questions of the Ask page and conditions on people read."""
