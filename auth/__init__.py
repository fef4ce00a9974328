"""Who asks, what they may see, and the ledger of what they were shown."""
