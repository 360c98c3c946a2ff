"""What lets a run survive: signals, leases, checkpoints, random states, the cluster's queue."""
