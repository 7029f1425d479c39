"""Slots: where a process notes what must outlive it, however it ends.

A slot is a small file that its process has mapped into memory. What is stored there is the
kernel's to keep, so it stays when the process is killed between any two instructions. The
process holds a lock on the file, which the kernel releases with it; whoever finds a slot that
nobody holds writes what is in it to the backend, and removes it.
"""
