"""Score a trained network: `python scripts/evaluate.py WORDS` is `starbolt evaluate WORDS`."""

import sys

from starbolt.cli import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
