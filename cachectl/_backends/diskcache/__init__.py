"""Caches that applications wrote with the diskcache library, read as they are.

diskcache unpickles keys and values as it reads them, and applies whatever the table of settings
says; none of its code is used here. A pickle is named, never loaded.
"""
