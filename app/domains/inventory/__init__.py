"""What can be rented: types and their dated prices, images, machines and their slots, and what is free right now.

Owns: sku_catalog, sku_prices, nodes, node_resource_slots, os_images, node_image_cache.
Emits: inventory.node.imported, inventory.node.quarantined, inventory.node.cordoned, inventory.node.uncordoned,
  inventory.slots.changed.
Consumes: nothing.
Called by: provisioning (placement, slots, images), billing (prices), admin (fleet).
"""
