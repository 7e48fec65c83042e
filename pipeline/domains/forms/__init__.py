"""Forms by field: who starts them, where they are left, what is corrected and refused."""
