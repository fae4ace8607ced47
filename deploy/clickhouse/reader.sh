#!/usr/bin/env bash
# Runs once, when the ClickHouse volume is new: the user that Grafana reads with. It may read the `tollgate` database and
# nothing else; `readonly = 2` lets the data source set its own time-outs, and max_* bound what a panel may cost.
set -euo pipefail
clickhouse-client --user "$CLICKHOUSE_USER" --password "$CLICKHOUSE_PASSWORD" \
  --param_password="$TOLLGATE_READER_PASSWORD" --query "
  CREATE USER IF NOT EXISTS tollgate_reader IDENTIFIED WITH sha256_password BY {password:String}
    SETTINGS readonly = 2, max_execution_time = 30 MAX 60, max_memory_usage = 2000000000 MAX 4000000000"
clickhouse-client --user "$CLICKHOUSE_USER" --password "$CLICKHOUSE_PASSWORD" \
  --query "GRANT SELECT ON tollgate.* TO tollgate_reader"
