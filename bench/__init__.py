"""The gateway beside code written by hand for each question: what it costs to ask through it. Nothing imports this."""
