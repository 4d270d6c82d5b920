import 'reflect-metadata'; // x509's dependency injection wants it first
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

export interface Validity {
  /** Default: one day ago. */
  readonly notBefore?: Date;
  /** Default: in 30 days. A date in the past makes an expired certificate. */
  readonly notAfter?: Date;
}

/** An authority for one test or one world. */
export interface CertificateAuthority {
  /** PEM. */
  readonly cert: string;
  /** `names`: DNS names and IP addresses that clients will look for. */
  issueServer(names: readonly string[], validity?: Validity): Promise<PemPair>;
  /** `user` becomes the common name, which PostgreSQL takes for the role. */
  issueClient(user: string, validity?: Validity): Promise<PemPair>;
}

export async function createAuthority(name: string): Promise<CertificateAuthority> {
  const keys = await generateKeys();
  const authority = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: `CN=${name}`,
      keys,
      serialNumber: serialNumber(),
      signingAlgorithm: ALGORITHM,
      ...dates({}),
      extensions: [
        new x509.BasicConstraintsExtension(true, 1, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  const issue = async (subject: string, validity: Validity, extensions: x509.Extension[]): Promise<PemPair> => {
    const own = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create(
      {
        subject: `CN=${subject}`,
        issuer: authority.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        serialNumber: serialNumber(),
        signingAlgorithm: ALGORITHM,
        ...dates(validity),
        extensions: [
          ...extensions,
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        ],
      },
      webcrypto,
    );
    return { cert: certificate.toString('pem'), key: await exportKey(own.privateKey) };
  };
  return {
    cert: authority.toString('pem'),
    issueServer: (names, validity = {}) =>
      issue(names[0] ?? name, validity, [
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const),
        ),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      ]),
    issueClient: (user, validity = {}) =>
      issue(user, validity, [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]),
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function dates(validity: Validity): { notBefore: Date; notAfter: Date } {
  const notAfter = validity.notAfter ?? new Date(Date.now() + 30 * DAY_MS);
  const earlier = new Date(Math.min(Date.now(), notAfter.getTime()) - DAY_MS);
  return { notBefore: validity.notBefore ?? earlier, notAfter };
}

function serialNumber(): string {
  return Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)))
    .toString('hex')
    .replace(/^./, '4');
}
