"""The simulated outside world: MAAS, Stripe and an OIDC issuer, spoken to over their real protocols.

`python -m devstack.simulators --config FILE.json` serves all of them from one process, each on its own loopback port.
Every simulator is a package with `app.py` exposing `create_app(config, data_dir)`:

- `config` is the *whole* configuration file as a dict. A port given there as 0 has already been replaced by the port
  that was really bound, so `config["stripe"]["port"]` can be used in URLs.
- `data_dir` is a directory of its own (it exists); whatever must survive a restart is kept there.

Nothing here is ever imported by the product, and nothing here talks to anything but loopback.
"""
