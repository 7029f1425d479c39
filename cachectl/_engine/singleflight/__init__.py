"""Single-flight: one load at a time for each key of a process, over threads and event loops.

The first caller of a key is the leader and loads; those who come meanwhile join, and share what the
load brings, value or exception. `flights` knows who leads and who waits, `threads` and `tasks` how
a caller of that kind does.

Nobody waits for ever. A load that asks for a key which it is itself loading, directly or through
others that wait for it, loads that key on its own. Where the leader is gone - its thread ended, its
loop stopped or closed, its task cancelled - one of those who wait takes over, and so he does when
it takes much longer than such loads do: what cannot be seen to be gone may still never end.
"""
