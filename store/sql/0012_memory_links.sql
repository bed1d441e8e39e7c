-- Which conversations found an item: asked for by pages, and by the cascade when an item is forgotten.
CREATE INDEX memory_link_item ON memory_link (item_id);
