/**
 * A process that takes part in an election: prints one line of JSON after its first look at the Lease and
 * one per change; SIGTERM releases and ends it.
 */
import { Elector } from '../../src/kube/lease.ts';
import { systemClock } from '../../src/system-clock.ts';
import { realKubeClient } from './kube-clients.ts';
import { SHORT_LEASE_TIMES } from './short-lease-times.ts';

const [kubeconfig = '', namespace = '', identity = ''] = process.argv.slice(2);
const { client, observer } = realKubeClient(kubeconfig);
const store = client.leaseStore({ namespace, name: 'election' });
const tell = (leading: boolean, lastLoss: string | null): void => {
  process.stdout.write(`${JSON.stringify({ leading, lastLoss })}\n`);
};
let looked = false;
const elector = new Elector({
  store: {
    read: async (options) => {
      const lease = await store.read(options);
      if (!looked) tell(false, null);
      looked = true;
      return lease;
    },
    create: (record, options) => store.create(record, options),
    replace: (previous, record, options) => store.replace(previous, record, options),
  },
  clock: systemClock,
  random: Math.random,
  observer,
  identity,
  times: SHORT_LEASE_TIMES,
  workStopped: () => Promise.resolve(),
  onWorkStuck: () => process.exit(1),
});
elector.onChange((leading) => tell(leading, elector.status().lastLoss));
elector.start();
process.once('SIGTERM', () => {
  void elector.release().then(async (freed) => {
    await client.close(0);
    process.exitCode = freed ? 0 : 2;
  });
});
