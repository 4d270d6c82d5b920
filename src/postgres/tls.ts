import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { TlsMaterial } from '../ports/members.ts';
import { codeOf } from './outcome.ts';
import { ProbeFailure } from './probe-failure.ts';
import { tlsFailure } from './tls-failure.ts';

const CERTIFICATE_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What a connection needs to speak TLS; made once per target, since reading authorities costs milliseconds. */
export interface TlsSecurity {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
  readonly servername?: string;
  readonly checkServerIdentity: typeof checkServerIdentity;
}

/**
 * libpq's meaning of the modes: `Require` encrypts and verifies nothing, `VerifyCA` verifies the chain, `VerifyFull`
 * the name as well.
 *
 * @param host the name that the member is known by; connections go to its resolved address.
 * @returns `null` for `Disable`.
 * @throws ProbeFailure when the material itself is unusable.
 */
export function prepareTls(material: TlsMaterial, host: string): TlsSecurity | null {
  if (material.mode === 'Disable') return null;
  const name = (material.serverName ?? host).replace(/\.$/, '');
  return {
    secureContext: contextOf(material),
    rejectUnauthorized: material.mode !== 'Require',
    // RFC 6066 forbids addresses in SNI.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_, certificate) =>
      material.mode === 'VerifyFull' ? checkServerIdentity(name, certificate) : undefined,
  };
}

function contextOf({ ca, clientCertificate }: TlsMaterial): SecureContext {
  const authorities = ca === null ? systemAuthorities() : readAuthorities(ca);
  if (clientCertificate === null) return createSecureContext({ ca: authorities });
  return usable('ClientCertificate', 'the client certificate and its key are not usable', () =>
    createSecureContext({ ca: authorities, cert: clientCertificate.cert, key: clientCertificate.key }),
  );
}

/** OpenSSL takes a text without any certificate for an empty list; the person who gave it meant something else. */
function readAuthorities(pem: string): string[] {
  const blocks = pem.match(CERTIFICATE_BLOCK) ?? [];
  const what = 'the authorities given by caRef are no PEM certificates';
  if (blocks.length === 0) throw new ProbeFailure({ ...tlsFailure('Other'), detail: what });
  for (const block of blocks) usable('Other', what, () => new X509Certificate(block));
  return blocks;
}

function usable<T>(why: 'Other' | 'ClientCertificate', what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    // OpenSSL's messages may quote the material: only its code goes on.
    throw new ProbeFailure({ ...tlsFailure(why), detail: `${what} (${codeOf(error)})` });
  }
}

/** The machine's store; an image without one falls back on the authorities that Node carries. */
function systemAuthorities(): string[] {
  const system = getCACertificates('system');
  return [...(system.length > 0 ? system : getCACertificates('bundled')), ...getCACertificates('extra')];
}
