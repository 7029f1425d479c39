"""The operations: namespaces over one backend, single-flight loads, cleanup, the decorator."""
