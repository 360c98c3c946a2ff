"""Public data sets: which there are, and how one comes here whole."""
