/** By what a promotion of a standby could be proven to continue the group's history (I6). Made by `decide`, shown by `report`. */

export type PromotionProof =
  /** Its timeline history would tell, and our role may read it. */
  | { readonly kind: 'History' }
  /** It is remembered to stream from this primary, on this timeline. */
  | { readonly kind: 'Streaming' }
  | {
      readonly kind: 'None';
      readonly why: string;
      /** What a person may do, as alternatives; never empty. */
      readonly remedies: readonly string[];
      /** It has been so for longer than a restart of the standby or of its WAL receiver takes. */
      readonly settled: boolean;
    };

/** By standby. Members that could not be promoted anyway have no entry. */
export type PromotionProofs = ReadonlyMap<string, PromotionProof>;
