"""The embedded backing services, one module each, all of the same shape (`base.Service`).

`berth up` runs them with durable settings; tests start throw-away ones:

    from devstack.services.postgres import throwaway_cluster  # with throwaway_cluster() as cluster: …superuser_url
    from devstack.services.valkey import throwaway_valkey  # with throwaway_valkey() as valkey: valkey.url
    from devstack.services.nats import throwaway_nats
    from devstack.services.temporal import throwaway_temporal
    from devstack.services.s3 import throwaway_s3

Every server binds to 127.0.0.1 only, asks for a password where it can, and sends nothing anywhere.
"""
