"""Simulated machines: one SSH server per deployed machine, configured by nothing but the user-data of its deploy.

Owns the accounts, homes, processes and SSH sessions of the simulated machines. Refuses to run anything as root on
behalf of a session, and to serve its control port to anybody but this computer.
"""
