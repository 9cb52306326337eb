// A person who uses the keyboard alone: Tab, Shift+Tab, Enter, Space and letters.

// focus is what has the focus, and whether somebody who looks can tell. It runs in the page.
const focus = () => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const ring = (style) => (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== 'none';
  const { height } = element.getBoundingClientRect();
  return {
    at: [...document.querySelectorAll('*')].indexOf(element),
    element: element.outerHTML.slice(0, 90),
    seen: element.localName === 'iframe' || (ring(getComputedStyle(element)) && height > 0), // a frame draws its own
  };
};

// tour goes round a page by Tab. It names what was focused without being seen to be, what comes before something that stands above
// it in the document, and what can be clicked but was not reached.
export async function tour(page) {
  const reachable = await page.evaluate(() => {
    document.activeElement?.blur?.();
    window.scrollTo(0, 0);
    const all = [...document.querySelectorAll('*')];
    const radios = new Set();
    return all.flatMap((element, at) => {
      if (!element.matches('a[href], button, input:not([type=hidden]), select, textarea, summary, iframe')) return [];
      if (!element.checkVisibility({ checkVisibilityCSS: true }) || element.disabled || element.tabIndex < 0) return [];
      if (element.type === 'radio') { // one stop for a group
        if (radios.has(element.name) || (!element.checked && document.querySelector(`[name="${element.name}"]:checked`))) return [];
        radios.add(element.name);
      }
      return [{ at, element: element.outerHTML.slice(0, 90) }];
    });
  });
  const [order, unseen, reached] = [[], [], new Set()];
  await page.evaluate(() => { // begin at the top, wherever autofocus had put us
    const top = document.createElement('span');
    top.tabIndex = -1;
    document.body.prepend(top);
    top.focus();
    top.remove();
  });
  let last = -1;
  for (let stops = 0; stops < 150; stops++) {
    await page.keyboard.press('Tab');
    const here = await page.evaluate(focus);
    if (here?.at === last) continue; // a field for a day has several stops of its own
    if (!here || reached.has(here.at)) break;
    reached.add(here.at);
    if (!here.seen) unseen.push(here.element);
    if (here.at < last) order.push(here.element);
    last = here.at;
  }
  return { order, unseen, missed: reachable.filter(({ at }) => !reached.has(at)).map(({ element }) => element) };
}

// reach goes by Tab to what the selector finds, and fails where that takes longer than a person would go on.
export async function reach(page, selector) {
  for (let stops = 0; stops < 120; stops++) {
    const there = await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector);
    if (there) {
      const here = await page.evaluate(focus);
      if (!here.seen) throw new Error(`${selector} has the focus and does not show it: ${here.element}`);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not come to ${selector} at ${page.url()}`);
}
