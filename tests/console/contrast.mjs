// The contrast of each text on a page with what is behind it (WCAG 2.2, 1.4.3).

/// Texts below `least`: [{text, ratio}].
export function lowContrast(tab, least) {
  return tab.evaluate(limit => {
    const channels = colour => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const isColour = ([, , , alpha = 1]) => alpha > 0;
    const luminance = ([r, g, b]) => {
      const linear = [r, g,
        b].map(c => c /
              255).map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const behind = node => {
      for (let at = node; at; at = at.parentElement) {
        const colour = channels(getComputedStyle(at).backgroundColor);
        if (isColour(colour)) return colour;
      }
      return [255, 255, 255];
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const node = text.parentElement;
      if (!text.data.trim() || !node.checkVisibility() || node.matches('option, script')) continue;
      const [a, b] =
        [channels(getComputedStyle(node).color), behind(node)].map(luminance).sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      if (ratio < limit) found.push({text: text.data.trim(), ratio});
    }
    return found;
  }, least);
}
