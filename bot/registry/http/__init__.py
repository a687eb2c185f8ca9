"""HTTP to one registry: `transport` is the way in; limits, credentials, redirects and pauses are kept here."""
