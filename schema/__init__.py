"""The vocabulary: what departments declare and what every other package speaks.

Data only; no I/O and no import of ours.
"""
