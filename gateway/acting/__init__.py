"""What clients have departments do: kept in an outbox before it leaves, sent once, found out about after a crash."""
