/// What went wrong, in words for the user: what happened, and what they can do about it.
export class Trouble extends Error {
  /// `detail` is the gateway's own message, `wait` the seconds until another attempt makes sense,
  /// and `remedy` what helps besides: 'settings', 'reconnect' (resume) or nothing.
  constructor(title, message, { detail = '', wait = 0, remedy } = {}) {
    super(message);
    Object.assign(this, { title, detail, wait, remedy });
  }
}

const origin = location.origin;

const refusals = {
  401: () => ['Authentication failed',
    'The gateway requires an install token. Enter yours in the settings.', 'settings'],
  403: () => ['Access denied',
    `The operator of the gateway has to allow ${origin}.`],
  421: address => ['The gateway does not accept this host name',
    `Its operator has to add the host of ${address} to server.hosts, or the address in the ` +
    'settings is wrong.', 'settings'],
  429: () => ['Too many requests',
    'The gateway limits the rate of your requests. Wait a moment.'],
  503: () => ['The gateway is unavailable',
    'It, or the model behind it, accepts no requests at the moment.'],
};

const other = () => ['The gateway rejected the request', 'Its reason is below.'];

/// A response whose status is not that of a success.
export async function refused(response, address) {
  const { status, headers } = response;
  const [title, message, remedy] = (refusals[status] ?? other)(address);
  const body = await response.json().catch(() => ({}));  // a proxy on the way may send a page
  const wait = Number.parseInt(headers.get('Retry-After'), 10) || 0;
  return new Trouble(title, message, { detail: `${status} ${body.message ?? ''}`, wait, remedy });
}

/// No response at all. A browser does not say why: an origin that is not allowed looks the same.
export function unreachable(address) {
  const message = `Nothing responds at ${address}, or it does not allow ${origin}.`;
  return new Trouble('The gateway cannot be reached', message, { remedy: 'settings' });
}

/// Any error of a chat.
export function troubleOf(error) {
  if (error instanceof Trouble) return error;
  if (error instanceof TypeError) {  // the browser's word for a connection that breaks
    return new Trouble('The connection was lost', 'The gateway may still have the response.',
      { remedy: 'reconnect' });
  }
  return new Trouble('The response ended early', 'The model or the gateway failed.',
    { detail: error.message });
}
