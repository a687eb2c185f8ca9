"""Find and edit the images that a manifest names. Pure: bytes in, values or bytes out."""
