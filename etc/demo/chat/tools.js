// What the extension's tools and the page's have in common.

/// Characters of a page that go to the model: some 5,000 tokens.
export const MOST_TEXT = 20_000;

export const readSelection = {
  description: 'Reads the text that the user has selected on the page.',
  inputSchema: { type: 'object', properties: {} },
  asks: false,
};

/// A model that has read a hostile page could send what it knows in a URL, so the user sees each.
export const openTab = {
  description: 'Opens a web page in a new tab.',
  inputSchema: {
    type: 'object',
    properties: { url: { type: 'string', description: 'The address: http:// or https://' } },
    required: ['url'],
  },
  asks: true,
};

/// The address that a model wants opened, if it is one of the web.
export function webAddress(text) {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new Error(`${text} is not an address of a web page.`);
  }
  return new URL(text).href;
}

/// What the model learns about a page.
export function described({ title, url, text }) {
  return `${title}\n${url}\n\n${text.slice(0, MOST_TEXT)}`;
}

export const examples = [
  'Explain what I selected: read_selection',
  'Take a note with notes_add: buy milk',
  'Show the source with open_tab https://example.com/',
];
