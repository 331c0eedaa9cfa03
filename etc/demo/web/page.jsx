import { show } from '../chat/main.jsx';
import { described, examples, openTab, readSelection, webAddress } from '../chat/tools.js';

// A click into the chat ends the selection on the page, so the last one is kept.
const article = document.querySelector('main');
let selected = '';
document.addEventListener('selectionchange', () => {
  const selection = getSelection();
  if (article.contains(selection.anchorNode)) selected = selection.toString();
});

show({
  title: 'Ask about this page',
  examples,
  withToken: false,
  headers: {},
  context: async () => described({
    title: document.title,
    url: location.href,
    text: article.innerText,
  }),
  tools: {
    read_selection: { ...readSelection, run: async () => selected || 'Nothing is selected.' },
    open_tab: {
      ...openTab,
      run: async ({ url }) => {
        open(webAddress(url), '_blank', 'noopener');
        return `${url} is open.`;
      },
    },
  },
});
