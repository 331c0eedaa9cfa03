/// What went wrong, in words for the user: what happened, and what they can do about it.
export class Trouble extends Error {
  /// `detail` is what the gateway said, `wait` the seconds until another attempt makes sense, and
  /// `remedy` the button beside "Try again": 'settings', 'reconnect' or none.
  constructor(title, message, { detail = '', wait = 0, remedy } = {}) {
    super(message);
    Object.assign(this, { title, detail, wait, remedy });
  }
}

const origin = location.origin;

const refusals = {
  401: () => ['The gateway does not know you',
    'It wants an install token. Enter the one you were given in the settings.', 'settings'],
  403: () => ['You may not use this gateway',
    `Its operator has to allow ${origin}.`],
  421: address => ['The gateway does not go by this name',
    `Its operator has to add the host of ${address} to server.hosts, or the address in the ` +
    'settings is wrong.', 'settings'],
  429: () => ['Too many requests', 'The gateway limits how many you may send. Wait a moment.'],
  503: () => ['The gateway is busy', 'It, or the model behind it, takes no requests right now.'],
};

/// A response that is not the one that was wanted.
export async function refused(response, address) {
  const { status, headers } = response;
  const known = refusals[status] ?? (() => ['The gateway rejected the request', 'See below why.']);
  const [title, message, remedy] = known(address);
  const said = await response.json().catch(() => ({}));  // a proxy on the way may send a page
  const wait = Number.parseInt(headers.get('Retry-After'), 10) || 0;
  return new Trouble(title, message, { detail: `${status} ${said.message ?? ''}`, wait, remedy });
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
    return new Trouble('The connection was lost', 'The gateway goes on with the response.',
      { remedy: 'reconnect' });
  }
  return new Trouble('The response ended early', 'The model or the gateway failed.',
    { detail: error.message });
}
