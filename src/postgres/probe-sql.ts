/** Room for the answer to arrive: the server ends a query only after we have given it up. */
const SERVER_SLACK_MS = 1_000;

/**
 * Settings of a session, sent in front of its first query in the same round trip: as startup parameters a pooler would
 * refuse them (08P01). `search_path` keeps objects of the same name in other schemas out of the probe.
 */
export function sessionSettings(timeoutMs: number): string {
  const serverMs = Math.ceil(timeoutMs) + SERVER_SLACK_MS;
  return [
    `SET statement_timeout = ${serverMs}`,
    `SET lock_timeout = ${serverMs}`,
    `SET idle_in_transaction_session_timeout = ${serverMs}`,
    'SET search_path = pg_catalog',
    '',
  ].join('; ');
}

/**
 * Everything a look reads, as one JSON value; PostgreSQL 14 to 18, primary and standby, any role that may log in.
 * Where rights are missing the server shows NULL in place of values, and `monitor` is false.
 *
 * The recovery state is read once: between two calls a promotion may end, and a row must not say both. Functions that
 * refuse to run outside recovery then fail with 55000, and the query is repeated.
 */
export const PROBE_SQL = `
SELECT row_to_json(facts)::text AS facts FROM (
  WITH member AS MATERIALIZED (SELECT pg_is_in_recovery() AS standby),
  receiver AS MATERIALIZED (SELECT * FROM pg_stat_wal_receiver WHERE status IS NOT NULL LIMIT 1)
  SELECT
    (SELECT system_identifier::text FROM pg_control_system()) AS "systemIdentifier",
    (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint::text AS "startedAt",
    current_setting('server_version_num')::int AS "serverVersion",
    standby AS "inRecovery",
    current_setting('default_transaction_read_only')::bool AS "readOnly",
    CASE WHEN NOT standby THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS "walTimeline",
    (SELECT received_tli FROM receiver) AS "receivedTimeline",
    greatest((SELECT timeline_id FROM pg_control_checkpoint()),
             (SELECT min_recovery_end_timeline FROM pg_control_recovery())) AS "controlTimeline",
    CASE WHEN NOT standby THEN pg_current_wal_lsn()::text END AS "currentLsn",
    CASE WHEN standby THEN pg_last_wal_receive_lsn()::text END AS "receiveLsn",
    CASE WHEN standby THEN pg_last_wal_replay_lsn()::text END AS "replayLsn",
    CASE WHEN standby
      THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 END AS "replayAgeMs",
    CASE WHEN standby THEN pg_is_wal_replay_paused() ELSE false END AS "replayPaused",
    (SELECT row_to_json(r) FROM (
      SELECT status, sender_host AS "senderHost", sender_port AS "senderPort", slot_name AS "slotName",
        received_tli AS "receivedTimeline", latest_end_lsn::text AS "latestEndLsn",
        extract(epoch FROM clock_timestamp() - last_msg_receipt_time) * 1000 AS "lastMessageAgeMs"
      FROM receiver) r) AS receiver,
    coalesce((SELECT json_agg(s) FROM (
      SELECT application_name AS "applicationName", host(client_addr) AS "clientAddress", state,
        coalesce(sync_state, '') AS "syncState", sent_lsn::text AS "sentLsn", replay_lsn::text AS "replayLsn"
      FROM pg_stat_replication WHERE state IS NOT NULL AND application_name IS NOT NULL
      ORDER BY application_name, pid LIMIT 200) s), '[]'::json) AS standbys,
    current_setting('synchronous_standby_names') AS "synchronousStandbyNames",
    extract(epoch FROM current_setting('wal_receiver_timeout')::interval) * 1000 AS "walReceiverTimeoutMs",
    pg_has_role('pg_read_all_stats', 'USAGE') AS monitor,
    (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user) AS replication,
    coalesce((SELECT json_agg(a.name) FROM (
      SELECT DISTINCT application_name AS name FROM pg_stat_activity
      WHERE application_name ~* '^(patroni|repmgr|pg_auto_failover|pgautofailover|pg_autoctl|stolon|cnpg)'
      ORDER BY 1 LIMIT 20) a), '[]'::json) AS "controllerSessions"
  FROM member
) facts`;
