"""This machine's own GPUs and NPUs: found at the start, and read while runs hold them."""
