"""What can be rented: types and their dated prices, images, machines and their slots, and what is free right now.

Owns: free_capacity, maintenance_windows, node_history, node_image_cache, node_resource_slots, nodes, os_images,
  power_requests, price_withdrawals, sku_catalog, sku_prices
Emits: inventory.catalog.changed, inventory.node.cordoned, inventory.node.drained, inventory.node.imported,
  inventory.node.maintenance_began, inventory.node.maintenance_ended, inventory.node.maintenance_planned,
  inventory.node.powered, inventory.node.quarantine_lifted, inventory.node.quarantined, inventory.node.retired,
  inventory.node.uncordoned, inventory.slots.changed
Consumes: nothing
"""
