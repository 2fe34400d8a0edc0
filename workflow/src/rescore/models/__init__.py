"""Model forward passes: once per model and task, every answer token's log-probability and the greedy answer.

The modules of this package and of `rescore.train` are the only ones that import torch or transformers; this file does
not, so that the version can be read without waiting for them.
"""

EXTRACTION_VERSION = 3
"""Raised when a change here changes the numbers: what was extracted under another version is extracted anew."""
