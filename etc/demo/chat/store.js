// What outlives the panel or the page: settings, the choice in the menu, and the chat. An extension
// has a localStorage of its own, as each web page has.

export function stored(name) {
  return JSON.parse(localStorage.getItem(`gatehouse:${name}`));
}

export function store(name, value) {
  try {
    localStorage.setItem(`gatehouse:${name}`, JSON.stringify(value));
  } catch {
    localStorage.removeItem(`gatehouse:${name}`);  // over the browser's quota: it is not kept
  }
}
