"""Fuzzing of what reads bytes from outside; each target is a module with a Target and seeds."""
