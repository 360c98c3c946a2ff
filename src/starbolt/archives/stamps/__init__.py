"""Pictures of objects: cut-outs in files, stacks and mosaics, with masks, errors and scales."""
