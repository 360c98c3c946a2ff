"""The verbs of the command line, one module each, imported when typed: `main(words)` does what the words say."""
