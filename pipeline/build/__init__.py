"""What exists, what is dirty, computing, judging and publishing it."""
