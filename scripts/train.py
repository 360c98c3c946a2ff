"""Train a network on your data: `python scripts/train.py WORDS` is `starbolt train WORDS`."""

import sys

from starbolt.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
