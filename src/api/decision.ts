/** What the rules decide and the published state they aim at. Made by `decide`, carried out by `controller`. */

/** Action of a decision: what the conductor does about it. */
export type DecisionAction =
  | { readonly kind: 'Hold' }
  /** Begin an attempt that takes the read-write route to `to`. */
  | { readonly kind: 'Begin'; readonly attempt: 'Adopt' | 'Follow' | 'ForceRoute' | 'Rebaseline'; readonly to: string }
  /** No attempt: both routes must lead nowhere (no baseline, several writers). */
  | { readonly kind: 'EmptyBoth' };

export interface Decision {
  /** Number of the rule; never changes meaning. */
  readonly rule: number;
  readonly action: DecisionAction;
  /** CamelCase; condition reasons, events and metrics use the same word. */
  readonly reason: string;
  /** Why it acts or holds, for an SRE, with the remedy or the request that is the way out. */
  readonly message: string;
}

/** What should be published. `null` primary: the read-write route leads nowhere. */
export interface RouteTarget {
  readonly epoch: number;
  readonly primary: string | null;
  /** Members behind the read-only Service, in spec order. */
  readonly readers: readonly string[];
}
