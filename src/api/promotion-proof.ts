/** By what a promotion of a standby could be proven to continue the group's history (I6). Made by `decide`, shown by `report`. */

export type PromotionProof =
  /** Its timeline history would tell, and our role may read it. */
  | { readonly kind: 'History' }
  /** It is remembered to stream from this primary, on this timeline. */
  | { readonly kind: 'Streaming' }
  /** It lives, or may live, and has told this process nothing: what proves it, if anything, is not known. */
  | {
      readonly kind: 'Unheard';
      /** It was asked, and has been so for longer than an answer should take to come. */
      readonly settled: boolean;
    }
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
