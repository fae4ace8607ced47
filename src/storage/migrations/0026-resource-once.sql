-- The attributes of a resource as one word of a dictionary (docs/decisions/0026): as a map they are merged pair by pair, for
-- every span that shares them. JSON; '' where a span came with the map, as blocks of an earlier version and other writers do.
ALTER TABLE {database}.span_log ADD COLUMN IF NOT EXISTS resource LowCardinality(String) CODEC(ZSTD(1));

CREATE OR REPLACE VIEW {database}.spans AS
SELECT
    * EXCEPT (resource) REPLACE (if(resource = '', resource_attributes, CAST(JSONExtract(resource, 'Map(String, String)'), 'Map(LowCardinality(String), String)')) AS resource_attributes),
    duration_ns, reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd
FROM {database}.span_log
WHERE name != 'audit close';

CREATE OR REPLACE VIEW {database}.llm_calls AS
SELECT
    * EXCEPT (resource) REPLACE (if(resource = '', resource_attributes, CAST(JSONExtract(resource, 'Map(String, String)'), 'Map(LowCardinality(String), String)')) AS resource_attributes),
    duration_ns, reinterpret(cost_nano_usd, 'Decimal(18, 9)') AS cost_usd
FROM {database}.span_log
WHERE cost_status != '';
