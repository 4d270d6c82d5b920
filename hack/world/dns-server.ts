import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket as TcpSocket } from 'node:net';
import dnsPacket, { type Answer, type Packet } from 'dns-packet';

/** What the server says about one name, until it is scripted anew. */
export type DnsScript =
  | {
      readonly kind: 'Records';
      readonly a?: readonly string[];
      readonly aaaa?: readonly string[];
      /** The name to go on with; its own script is followed in the same answer. */
      readonly cname?: string;
      /** Seconds; default 1. */
      readonly ttl?: number;
      readonly delayMs?: number;
    }
  | { readonly kind: 'NXDOMAIN' | 'SERVFAIL'; readonly delayMs?: number }
  | { readonly kind: 'Silent' };

export interface DnsServer {
  readonly address: string;
  readonly port: number;
  set(name: string, script: DnsScript): void;
  /** The name is unknown again: NXDOMAIN. */
  forget(name: string): void;
  /** Overrides every name until it is called with null. */
  setAll(script: DnsScript | null): void;
  /** Questions received for a name, of any type. */
  queries(name: string): number;
  close(): Promise<void>;
}

const FLAG_AUTHORITATIVE = 1 << 10;
const RCODES = { NXDOMAIN: 3, SERVFAIL: 2 } as const;
const MAX_CNAMES = 8;

/** Listens on UDP and TCP. Port 0 (default) takes a free one. */
export async function startDnsServer(address: string, port = 0): Promise<DnsServer> {
  const scripts = new Map<string, DnsScript>();
  const counts = new Map<string, number>();
  const timers = new Set<NodeJS.Timeout>();
  let override: DnsScript | null = null;
  const lookUp = (name: string): DnsScript => override ?? scripts.get(name) ?? { kind: 'NXDOMAIN' };

  const respond = (request: Packet, send: (answer: Packet) => void): void => {
    const [question] = request.questions ?? [];
    if (question === undefined) return;
    const name = question.name.toLowerCase();
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const script = lookUp(name);
    if (script.kind === 'Silent') return;
    const answer = answerFor(request, name, question.type, script, lookUp);
    if (script.delayMs === undefined) {
      send(answer);
      return;
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      send(answer);
    }, script.delayMs);
    timers.add(timer);
  };

  const tcp = createServer((socket) => serveTcp(socket, respond));
  tcp.listen(port, address);
  await once(tcp, 'listening');
  const bound = portOf(tcp);
  const udp = await serveUdp(address, bound, respond);
  const sockets = new Set<TcpSocket>();
  tcp.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  return {
    address,
    port: bound,
    set: (name, script) => void scripts.set(name.toLowerCase(), script),
    forget: (name) => void scripts.delete(name.toLowerCase()),
    setAll(script) {
      override = script;
    },
    queries: (name) => counts.get(name.toLowerCase()) ?? 0,
    async close() {
      for (const timer of timers) clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
      udp.close();
      tcp.close();
      await Promise.all([once(udp, 'close'), once(tcp, 'close')]);
    },
  };
}

type Respond = (request: Packet, send: (answer: Packet) => void) => void;

function answerFor(
  request: Packet,
  name: string,
  type: string,
  script: DnsScript,
  lookUp: (name: string) => DnsScript,
): Packet {
  const rcode = script.kind === 'NXDOMAIN' || script.kind === 'SERVFAIL' ? RCODES[script.kind] : 0;
  return {
    id: request.id ?? 0,
    type: 'response',
    flags: FLAG_AUTHORITATIVE | rcode,
    questions: request.questions ?? [],
    answers: rcode === 0 ? records(name, type, lookUp) : [],
  };
}

function records(first: string, type: string, lookUp: (name: string) => DnsScript): Answer[] {
  const answers: Answer[] = [];
  let name = first;
  for (let hops = 0; hops < MAX_CNAMES; hops += 1) {
    const script = lookUp(name);
    if (script.kind !== 'Records') return answers;
    const ttl = script.ttl ?? 1;
    const { a = [], aaaa = [], cname } = script;
    if (type === 'A') answers.push(...a.map((data): Answer => ({ type: 'A', name, ttl, data })));
    if (type === 'AAAA') answers.push(...aaaa.map((data): Answer => ({ type: 'AAAA', name, ttl, data })));
    if (cname === undefined) return answers;
    answers.push({ type: 'CNAME', name, ttl, data: cname });
    name = cname.toLowerCase();
  }
  return answers;
}

async function serveUdp(address: string, port: number, respond: Respond): Promise<Socket> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  socket.on('message', (message: Buffer, peer: RemoteInfo) => {
    const request = decodeOrNull(() => dnsPacket.decode(message));
    if (request === null) return;
    respond(request, (answer) => socket.send(dnsPacket.encode(answer), peer.port, peer.address));
  });
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

/** One question per connection is enough for resolvers that retry a truncated answer. */
function serveTcp(socket: TcpSocket, respond: Respond): void {
  let received = Buffer.alloc(0);
  socket.on('error', () => socket.destroy()); // the asker went away: nobody is left to tell
  socket.on('data', (part: Buffer) => {
    received = Buffer.concat([received, part]);
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
    const request = decodeOrNull(() => dnsPacket.streamDecode(received));
    if (request === null) socket.destroy();
    else respond(request, (answer) => socket.end(dnsPacket.streamEncode(answer)));
  });
}

/** What is no DNS message is not answered, as real servers do. */
function decodeOrNull(decode: () => Packet | null): Packet | null {
  try {
    return decode();
  } catch {
    return null; // nothing is lost: the sender asks again or gives up
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the DNS server has no port');
  return address.port;
}
