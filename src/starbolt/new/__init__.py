"""`starbolt new`: a project of one's own, written from the files below template/.

Each stands there under its own name with .txt behind it, so that no tool takes it for one of ours.
"""

from starbolt.new.names import refuse_name
from starbolt.new.writing import write_project

__all__ = ["refuse_name", "write_project"]
