"""`python -m starbolt VERB` is `starbolt VERB`."""

from starbolt.cli import main

if __name__ == "__main__":
    main()
