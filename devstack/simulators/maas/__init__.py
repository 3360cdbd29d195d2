"""A simulated MAAS region controller: HTTP API 2.0 as version 3.7.3 was seen to answer it.

It owns a fleet of machines with lives measured in seconds, and drives the simulated nodes when a machine is deployed.
It refuses to be kinder than the original: OAuth nonces, form bodies only, odd booleans, plain-text errors, trailing
slashes. What was never observed on a real one is marked "not observed" where it is answered.
"""
