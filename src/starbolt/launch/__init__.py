"""Where the trials of a sweep are executed: on this machine, or as jobs of Slurm."""

from starbolt.launch.local import Local
from starbolt.launch.slurm import Slurm

__all__ = ["Local", "Slurm"]
