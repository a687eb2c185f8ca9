"""The pure part: what is due and why not."""
