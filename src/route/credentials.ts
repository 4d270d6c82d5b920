/** The logins that published Secrets are made from, as read or as a problem. */
import { type Login, readLogin } from '../api/login.ts';
import type { KubeObject } from '../ports/kube.ts';

export type LoginState =
  | { readonly kind: 'Usable'; readonly login: Login }
  | {
      readonly kind: 'Unusable';
      readonly why: 'CredentialsMissing' | 'CredentialsMalformed';
      readonly detail: string;
    };

/** `secret`: null when it was not found, undefined when it could not be read. */
export function loginOf(name: string, secret: KubeObject | null | undefined): LoginState {
  if (secret === undefined) return missing(`Secret ${name} could not be read`);
  if (secret === null) return missing(`Secret ${name} was not found`);
  const reading = readLogin(name, secret.data);
  if (reading.ok) return { kind: 'Usable', login: reading.login };
  return { kind: 'Unusable', why: 'CredentialsMalformed', detail: reading.detail };
}

function missing(detail: string): LoginState {
  return { kind: 'Unusable', why: 'CredentialsMissing', detail };
}
