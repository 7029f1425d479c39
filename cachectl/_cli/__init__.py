"""The command line: each command parses, asks the engine, and hands the answer to `output`.

To add a command, write a module with one function and register it in `app.COMMANDS`.
"""
