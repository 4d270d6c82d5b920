import type { ProbeLayer, ProbeOutcome } from '../api/evidence.ts';

type TlsFailure = Extract<ProbeOutcome, { kind: 'TlsFailed' }>;

/** OpenSSL's verification results and Node's own, as `error.code`. */
const verificationFailures: ReadonlyMap<string, TlsFailure['why']> = new Map([
  ['CERT_HAS_EXPIRED', 'Expired'],
  ['CERT_NOT_YET_VALID', 'Expired'],
  ['CRL_HAS_EXPIRED', 'Expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'WrongName'],
  ['HOSTNAME_MISMATCH', 'WrongName'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'UntrustedCa'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'UntrustedCa'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'UntrustedCa'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UntrustedCa'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UntrustedCa'],
  ['CERT_SIGNATURE_FAILURE', 'UntrustedCa'],
  ['CERT_UNTRUSTED', 'UntrustedCa'],
  ['INVALID_CA', 'UntrustedCa'],
]);

/**
 * Alerts by which a server refuses the client's certificate. With TLS 1.3 they arrive after the client holds the
 * handshake to be complete, so at whatever layer reads next.
 */
const CLIENT_CERTIFICATE_ALERT =
  /^ERR_SSL_.*ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_REQUIRED|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)$/;

const details: Readonly<Record<TlsFailure['why'], string>> = {
  Expired: "the server's certificate is outside its validity",
  WrongName: "the server's certificate does not carry the expected name",
  UntrustedCa: "the server's certificate is not signed by a trusted authority",
  NotOffered: 'the server does not offer TLS',
  ClientCertificate: "the server refuses the client's certificate",
  Other: 'the TLS handshake failed',
};

/** `null` when the error is not about TLS. */
export function tlsFailureOf(error: unknown, layer: ProbeLayer): TlsFailure | null {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const why = verificationFailures.get(code);
  if (why !== undefined) return tlsFailure(why, code);
  if (CLIENT_CERTIFICATE_ALERT.test(code)) return tlsFailure('ClientCertificate', code);
  const isTls = code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || (layer === 'tls' && code !== '');
  return isTls ? tlsFailure('Other', code) : null;
}

export function tlsFailure(why: TlsFailure['why'], code = ''): TlsFailure {
  return { kind: 'TlsFailed', why, detail: code === '' ? details[why] : `${details[why]} (${code})` };
}
