import { show } from '../chat/main.jsx';
import { described, examples, MOST_TEXT, openTab, readSelection, webAddress }
  from '../chat/tools.js';
import { Trouble } from '../chat/trouble.js';

/// Runs a function in the page of the tab that is shown, and resolves to what it returns.
async function inPage(func, ...args) {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  const target = { tabId: tab.id };
  const [{ result }] = await chrome.scripting.executeScript({ target, func, args }).catch(() => {
    throw new Trouble('The tab cannot be read',
      'Click the icon of this extension while the tab is shown: that lets it read the tab.');
  });
  return result;
}

show({
  title: 'Ask about the page beside',
  examples,
  withToken: true,
  headers: {
    'X-Extension-ID': chrome.runtime.id,
    'X-Extension-Version': chrome.runtime.getManifest().version,
  },
  context: async () => described(await inPage(most => ({
    title: document.title,
    url: location.href,
    text: document.body.innerText.slice(0, most),
  }), MOST_TEXT)),
  tools: {
    read_selection: {
      ...readSelection,
      run: async () => (await inPage(() => getSelection().toString())) || 'Nothing is selected.',
    },
    open_tab: {
      ...openTab,
      run: async ({ url }) => {
        await chrome.tabs.create({ url: webAddress(url) });
        return `${url} is open.`;
      },
    },
  },
});
