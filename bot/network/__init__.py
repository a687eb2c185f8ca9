"""What HTTP to registries and to forges has in common: limits, pauses, second tries, and secrets that are not told."""
