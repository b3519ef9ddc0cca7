"""What the pages share: the sidebar, the recipe in the address, caches and components."""
