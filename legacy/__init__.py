"""The departments' own systems as they might be found: cryptic names, text dates, no foreign keys, dirt.

Demo and test doubles. The gateway never imports this package; it only connects to what it builds and runs.
"""
