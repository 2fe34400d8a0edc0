"""Model forward passes: once per model and task, every answer token's log-probability and the greedy answer.

Only the modules of this package and of `rescore.train` import torch or transformers. This file does not, so that the
version can be read without waiting for them.
"""

EXTRACTION_VERSION = 5
"""Raise it with a change that changes numbers: what was extracted under another version is extracted anew."""
