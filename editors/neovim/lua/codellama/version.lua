-- The plugin's version, which is its server's: they come from the same place. An older server lacks
-- what the plugin asks of it.
return '0.1.0'
