"""Tests of recognising layouts."""
