"""The development stack: real backing services and a simulated outside world for one checkout.

Owns everything `berth up` starts and everything under `BERTH_HOME` (default `.berth`). The product (`app`, `workers`)
never imports it: it only ever sees URLs in environment variables. Nothing here is meant for production.
"""
