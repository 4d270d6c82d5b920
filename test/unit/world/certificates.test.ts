import { once } from 'node:events';
import { connect, createServer, type TLSSocketOptions } from 'node:tls';
import { expect, test } from 'vitest';
import { type CertificateAuthority, createAuthority, type PemPair } from '../../../hack/world/certificates.ts';

/** What a verifying client of a server with this certificate comes to. */
async function shake(server: PemPair, ca: string, name: string, client?: PemPair, clientCa?: string): Promise<string> {
  const options: TLSSocketOptions =
    clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  const listener = createServer({ ...server, ...options }, (socket) => {
    const subject = socket.getPeerCertificate().subject?.CN;
    socket.end(String(subject ?? 'nobody'));
  });
  listener.on('tlsClientError', () => {}); // the client's side is what is looked at
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  try {
    return await new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', ca, servername: name, ...client });
      socket.once('data', (data: Buffer) => resolve(data.toString()));
      socket.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    });
  } finally {
    listener.close();
  }
}

const authority: CertificateAuthority = await createAuthority('one');
const other = await createAuthority('other');

test.each([
  ['the right name', ['db.test', '10.77.0.11'], {}, authority.cert, 'nobody'],
  ['another name', ['else.test'], {}, authority.cert, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  [
    'an expiry in the past',
    ['db.test'],
    { notAfter: new Date(Date.now() - 1_000) },
    authority.cert,
    'CERT_HAS_EXPIRED',
  ],
  ['another authority', ['db.test'], {}, other.cert, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
])('a server certificate with %s', async (_, names, validity, ca, wanted) => {
  expect(await shake(await authority.issueServer(names, validity), ca, 'db.test')).toBe(wanted);
});

test('a client certificate names its user to a server that asks for one', async () => {
  const server = await authority.issueServer(['db.test']);
  const client = await other.issueClient('monitor');
  expect(await shake(server, authority.cert, 'db.test', client, other.cert)).toBe('monitor');
});
