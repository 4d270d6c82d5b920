/** Keeps secrets out of what is written (I13): by the name of a field, and by the shape of a text. */

const REDACTED = '[redacted]';
/** Nothing we log is deeper; the bound keeps a cyclic object from hanging the log. */
const MAX_DEPTH = 8;

/** Names of fields whose value is never shown, whatever it is. */
const SECRET_NAME =
  /passw|secret(?!ref|name)|authorization|cookie|token|api_?key|private_?key|client_?key|conninfo|dsn$|ur[il]$|^data$|^stringdata$/i;

/** `scheme://user:password@`, up to the last `@`: passwords hold `@` and `/` where nobody escaped them. */
const URL_USERINFO = /([a-z][a-z0-9+.-]{0,20}:\/\/)([^\s/@:]*):\S*@/gi;
/** `password=...` of conninfo strings and query parameters, quoted or not. */
const PASSWORD_PAIR =
  /\b(password|passwd|pwd|sslpassword|passfile|token)(\s*=\s*)('(?:[^'\\]|\\.)*'|"[^"]*"|[^\s&;,]+)/gi;
const BEARER = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/g;
const PEM_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(-----END \1-----|$)/g;

/** The text without credentials that are recognisable by their shape. */
export function withoutSecrets(text: string): string {
  return text
    .replace(URL_USERINFO, `$1$2:${REDACTED}@`)
    .replace(PASSWORD_PAIR, `$1$2${REDACTED}`)
    .replace(BEARER, `$1 ${REDACTED}`)
    .replace(PEM_KEY, REDACTED);
}

/** A copy fit for the log: no secrets, errors as plain objects, bigints as text. */
export function loggable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return withoutSecrets(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[deeper]';
  if (value instanceof Error) return loggableError(value, depth);
  if (value instanceof Map) return loggableFields(value, depth);
  if (Array.isArray(value) || value instanceof Set) return Array.from(value, (entry) => loggable(entry, depth + 1));
  if (value instanceof Date) return value.toISOString();
  return loggableFields(Object.entries(value), depth);
}

function loggableFields(fields: Iterable<readonly [unknown, unknown]>, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Array.from(fields, ([key, field]) => {
      const name = String(key);
      return [name, SECRET_NAME.test(name) && field !== null ? REDACTED : loggable(field, depth + 1)];
    }),
  );
}

/** Only what is known to be fit: drivers put queries and addresses of memory into further fields of their errors. */
function loggableError(error: Error, depth: number): Record<string, unknown> {
  const code: unknown = Reflect.get(error, 'code');
  return {
    type: error.name,
    message: withoutSecrets(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: withoutSecrets(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: loggable(error.cause, depth + 1) }),
    ...(error instanceof AggregateError ? { errors: loggable(error.errors, depth + 1) } : {}),
  };
}
