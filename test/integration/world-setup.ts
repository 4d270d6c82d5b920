import { readWorld } from '../../hack/world/world-description.ts';

/** Fails before the first test, with the command to use, when there is no world. */
export function setup(): void {
  readWorld();
}
