"""One module per question; every function takes frames and gives a frame. What must not be here: paths, state, SQL."""
