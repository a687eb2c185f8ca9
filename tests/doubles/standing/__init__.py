"""A double that stands by itself: a process with repositories that are there, people in groups, and plain pages."""
