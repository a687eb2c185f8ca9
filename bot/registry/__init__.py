"""Registries: reads over HTTP, copies by skopeo."""
