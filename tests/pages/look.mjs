// What a designer would check of a page: it fits, it can be read in both themes, and how it looks.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

const SMALLEST = { width: 360, height: 740 };  // a narrow side panel, or a phone
const CONTRAST = 4.5;  // WCAG 2.2, 1.4.3, for text of any size

/// Keeps a screenshot of the tab in each theme, in `folder`, and checks both.
export async function look(tab, folder, name, size = SMALLEST) {
  fs.mkdirSync(folder, { recursive: true });
  await tab.setViewportSize(size);
  for (const colorScheme of ['light', 'dark']) {
    await tab.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const file = path.join(folder, `${name}-${size.width}-${colorScheme}.png`);
    await tab.screenshot({ path: file, fullPage: true, animations: 'disabled', caret: 'initial' });
    const { wide, faint } = await tab.evaluate(faults, CONTRAST);
    assert.deepEqual(wide, [], `${file}: these are wider than the window`);
    assert.deepEqual(faint, [], `${file}: these have too little contrast`);
  }
}

/// Runs in the page: elements that stick out of it, and texts that are hard to read.
function faults(least) {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  // Any CSS colours, laid over each other from the back to the front, as red, green and blue.
  const mixed = colours => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = rgb => rgb
    .map(byte => byte / 255)
    .map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = element => {
    const colours = [];
    for (let e = element; e; e = e.parentElement) colours.push(getComputedStyle(e).backgroundColor);
    return ['white', ...colours.reverse()];
  };

  const wide = [], faint = [];
  for (const element of document.querySelectorAll('body, body *')) {
    if (!element.checkVisibility()) continue;
    const { right } = element.getBoundingClientRect();
    const scrolls = element.closest('pre, table, nav');
    if (right > innerWidth + 1 && !scrolls) wide.push(element.outerHTML.slice(0, 80));
    const texts = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE);
    const text = element.placeholder || texts.map(node => node.data).join('').trim();
    if (!text) continue;
    const pseudo = element.placeholder && !element.value ? '::placeholder' : undefined;
    const back = behind(element), { color } = getComputedStyle(element, pseudo);
    const found = contrast(mixed([...back, color]), mixed(back));
    if (found < least) faint.push(`${found.toFixed(2)} ${text.slice(0, 40)}`);
  }
  return { wide, faint };
}
