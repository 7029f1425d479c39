"""Entries and counters on a Redis server, shared by all who reach it."""
