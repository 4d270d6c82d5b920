/** Servers whose TLS is not what the spec asks for: a person learns from Ready what to change. */
import { beforeEach, expect, test } from 'vitest';
import { createAuthority } from '../../hack/world/certificates.ts';
import { eventually, statusOf } from '../support/operator-views.ts';
import { ordersOf } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

const { group, stage } = stagedGroup('remedies', ['frankfurt', 'virginia']);

beforeEach(async () => {
  await stage.apply(ordersOf(group, { 'spec.tls': undefined }));
});

const readyMessage = async () => {
  const ready = (await statusOf(stage)).conditions?.find(({ type }) => type === 'Ready');
  expect(ready).toMatchObject({ status: 'False', reason: 'NoPrimary' });
  return ready?.message ?? '';
};

test('a server without TLS is told with both ways out', async () => {
  await stage.start();
  await eventually(async () => {
    const message = await readyMessage();
    expect(message).toContain('frankfurt, virginia: TLS failed (NotOffered): the server does not offer TLS');
    expect(message).toContain('set spec.tls.mode: Disable, or switch on ssl at the server');
  });
});

test('a certificate of an unknown authority is told with the field that names one', async () => {
  const authority = await createAuthority('private');
  for (const member of group.members) {
    await member.reconfigure({ tls: await authority.issueServer([member.host]) });
  }
  await stage.start();
  await eventually(async () => {
    const message = await readyMessage();
    expect(message).toContain('TLS failed (UntrustedCa)');
    expect(message).toContain('name its authority in spec.tls.caRef');
  });
});
