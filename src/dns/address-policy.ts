import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { ResolvedAddress } from '../ports/resolver.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

/** Which addresses the operator may be made to reach: whoever may create a resource chooses its hosts. */
export interface AddressPolicy {
  isDenied(address: string): boolean;
}

/** `null` when the text is no address. One spelling per address; an IPv4-mapped IPv6 address is the IPv4 address. */
export function normalizeAddress(text: string): ResolvedAddress | null {
  const address = parseAddress(text);
  if (address === null) return null;
  return { family: address.kind() === 'ipv4' ? 'IPv4' : 'IPv6', address: address.toString() };
}

/**
 * @throws RangeError naming the entry that is no CIDR.
 * The unspecified addresses (`0.0.0.0/8`, `::`) are denied whatever the list says: a connection to them ends on loopback.
 */
export function createAddressPolicy(deniedCidrs: readonly string[]): AddressPolicy {
  const denied = deniedCidrs.map(parseRange);
  return {
    isDenied: (text) => {
      const address = parseAddress(text);
      if (address === null || address.range() === 'unspecified') return true;
      const faces = [address, ...embeddedIPv4(address)];
      return faces.some((face) => denied.some((range) => contains(range, face)));
    },
  };
}

function parseAddress(text: string): Address | null {
  // The parser alone would take `127.1` and `0x7f.1` for addresses; a host of that form is a name here.
  return isIP(text) === 0 ? null : ipaddr.process(text);
}

function parseRange(text: string): Range {
  const [prefix = '', length = ''] = text.trim().split('/');
  const family = isIP(prefix);
  const bits = Number(length);
  if (family === 0 || !/^[0-9]{1,3}$/.test(length) || bits > (family === 4 ? 32 : 128)) {
    throw new RangeError(`must be an address range such as 10.0.0.0/8 or fd00::/8: ${JSON.stringify(text)}`);
  }
  const address = ipaddr.parse(prefix);
  const mapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96;
  return mapped ? [address.toIPv4Address(), bits - 96] : [address, bits];
}

function contains([base, bits]: Range, address: Address): boolean {
  if (base instanceof ipaddr.IPv4) return address instanceof ipaddr.IPv4 && address.match(base, bits);
  return address instanceof ipaddr.IPv6 && address.match(base, bits);
}

/** The IPv4 addresses that a translator or tunnel would reach through this one: NAT64, 6to4, IPv4-compatible. */
function embeddedIPv4(address: Address): ipaddr.IPv4[] {
  if (address instanceof ipaddr.IPv4) return [];
  const bytes = address.toByteArray();
  if (address.range() === '6to4') return [new ipaddr.IPv4(bytes.slice(2, 6))];
  const isNat64 = address.match(ipaddr.IPv6.parse('64:ff9b::'), 96);
  const isCompatible = address.match(ipaddr.IPv6.parse('::'), 96);
  return isNat64 || isCompatible ? [new ipaddr.IPv4(bytes.slice(12))] : [];
}
