"""Whole promotions over real registries and real Git."""
