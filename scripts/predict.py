"""Apply a trained network to a catalogue: `python scripts/predict.py WORDS` is `starbolt predict WORDS`."""

import sys

from starbolt.cli import main

if __name__ == "__main__":
    main(["predict", *sys.argv[1:]])
