const primary = {
  systemIdentifier: '7711274532309372686',
  startedAt: '1767225600123456',
  serverVersion: 180004,
  inRecovery: false,
  readOnly: false,
  walTimeline: '0000000A',
  receivedTimeline: null,
  controlTimeline: 1,
  currentLsn: '16/B374D848',
  receiveLsn: null,
  replayLsn: null,
  replayAgeMs: null,
  replayPaused: false,
  receiver: null,
  standbys: [],
  synchronousStandbyNames: '',
  walReceiverTimeoutMs: 5000,
  monitor: true,
  replication: false,
  controllerSessions: [],
};

/** The row that the probe's SQL returns on a healthy primary, with `changes`. */
export function answeredRow(changes: Record<string, unknown> = {}): { readonly facts: string } {
  return { facts: JSON.stringify({ ...primary, ...changes }) };
}
