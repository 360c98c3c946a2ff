"""What `starbolt doctor` looks at: the machine that trainings would run on, and one batch on its way through a run."""
