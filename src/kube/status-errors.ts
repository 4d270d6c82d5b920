import { KubeError, type KubeErrorCode, type Resource } from '../ports/kube.ts';
import { apiVersionOf, isFields, parseStatus, type StatusFacts } from './wire-objects.ts';

/** Enough for every sentence of the API server; validation of a long list can be far longer. */
const MESSAGE_LIMIT = 1024;

/** The error for an answer that is not 2xx. `body` is the parsed JSON, or null when it was none (proxies answer HTML). */
export function errorFromAnswer(httpStatus: number, body: unknown, resource: Resource): KubeError {
  const status = parseStatus(body);
  const code = codeOf(httpStatus, status.reason);
  return new KubeError(code, messageOf(httpStatus, code, status, resource), httpStatus);
}

/** The error for an `ERROR` frame of a watch. */
export function errorFromFrame(status: StatusFacts, resource: Resource): KubeError {
  const httpStatus = status.code ?? 500;
  const code = codeOf(httpStatus, status.reason);
  return new KubeError(code, messageOf(httpStatus, code, status, resource), httpStatus);
}

/** A 404 about one object. Where the kind itself is not served (CRD missing) the Status names no object, or there is none. */
export function isAboutAnObject(body: unknown): boolean {
  return isFields(body) && parseStatus(body).objectName !== null;
}

function codeOf(httpStatus: number, reason: string | null): KubeErrorCode {
  switch (httpStatus) {
    case 401:
      return 'Unauthorized';
    case 403:
      return 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
    case 410:
      return 'Gone';
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return 'Invalid';
    default:
      return 'Unavailable';
  }
}

function messageOf(httpStatus: number, code: KubeErrorCode, status: StatusFacts, resource: Resource): string {
  if (code === 'NotFound' && status.objectName === null) {
    return `the API server does not serve ${resource.plural} (${apiVersionOf(resource)}): is the CRD installed?`;
  }
  if (code === 'Invalid' && resource.plural === 'secrets') {
    // The API server quotes refused values, and here a value is a password.
    return `the Secret is refused by the API server: ${status.fields.join(', ') || `HTTP ${httpStatus}`}`;
  }
  return (status.message ?? `HTTP ${httpStatus} from the API server`).slice(0, MESSAGE_LIMIT);
}
