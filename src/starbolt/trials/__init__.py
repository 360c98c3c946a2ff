"""A run as one trial among many: the journal they share, and what each says of itself."""
