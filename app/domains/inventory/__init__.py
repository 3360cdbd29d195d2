"""What can be rented: types and their dated prices, images, machines and their slots, and what is free right now.

Owns: sku_catalog, sku_prices, price_withdrawals, nodes, node_resource_slots, os_images, node_image_cache,
  maintenance_windows, node_history, power_requests.
Emits: inventory.node.imported, inventory.node.quarantined, inventory.node.cordoned, inventory.node.uncordoned,
  inventory.node.drained, inventory.node.quarantine_lifted, inventory.node.maintenance_planned,
  inventory.node.maintenance_began, inventory.node.maintenance_ended, inventory.node.retired, inventory.node.powered,
  inventory.catalog.changed, inventory.slots.changed.
Consumes: nothing.
Called by: provisioning (placement, slots, images), billing (prices), admin (fleet).
"""
