/** Kubernetes' MicroTime: the API server refuses a time without exactly six digits of fraction. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}
