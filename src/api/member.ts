/** Schema of one member: a PostgreSQL server of the replication group. */
import { z } from 'zod';
import { authorityReference, host, memberName, port } from './fields.ts';
import { namesAreUnique, withRules } from './rules.ts';

const addressOverride = (description: string) =>
  z
    .object({
      host: host('DNS name or IP address; default: the member’s host.').optional(),
      port: port('Port; default: the member’s port.').optional(),
    })
    .meta({ description });

const memberTlsSchema = z
  .object({
    serverName: host('Name to find in the certificate; default: host.').optional(),
    caRef: authorityReference('Certificate authorities of this member; default: tls.caRef of the resource.').optional(),
  })
  .meta({ description: 'Overrides of the resource’s tls for this member.' });

export const memberSchema = z
  .object({
    name: memberName(
      'Name of the member, unique in this resource; status, events and metrics speak of it by this name.',
    ),
    host: host('DNS name (fully qualified) or IP address at which the operator reaches the member.'),
    port: port('Port at which the operator reaches the member.').default(5432),
    region: z
      .string()
      .max(63)
      .regex(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/)
      .optional()
      .meta({
        description:
          'Region or site of the member, compared with --region of the operator for readOnly.prefer: SameRegion.',
      }),
    promotable: z.boolean().default(true).meta({
      description:
        'Whether the operator may choose this member as the new primary (this version does not promote). Following a promotion by others ignores it.',
    }),
    priority: z.int().min(0).max(1000).default(100).meta({
      description:
        'Ranks members that are equal in data (within failover.preferWithin); higher wins. No effect in this version, which does not promote.',
    }),
    direct: z.boolean().default(true).meta({
      description:
        'False when a proxy, load balancer or rejecting firewall stands between: a refused connection then proves nothing.',
    }),
    route: addressOverride('Where applications reach the member, if elsewhere than the operator does.').optional(),
    replication: addressOverride('Where the other members reach the member for replication, if elsewhere.').optional(),
    tls: memberTlsSchema.optional(),
  })
  .meta({ description: 'One PostgreSQL server of the replication group.' });

export const membersSchema = withRules(
  z
    .array(memberSchema)
    .min(1)
    .max(16)
    .refine(namesAreUnique, { message: 'two members have the same name; give each its own' }),
  {
    description: 'The servers of the replication group, one to sixteen.',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  },
  [
    {
      rule: 'self.all(a, self.exists_one(b, b.host.lowerAscii() == a.host.lowerAscii() && b.port == a.port))',
      message: 'two members have the same host and port, which would count one server twice; remove or correct one',
      holds: (members) => new Set(members.map((m) => `${m.host.toLowerCase()} ${m.port}`)).size === members.length,
    },
  ],
);
