"""The whole story on one machine: real registries, real Git repositories, no account."""
