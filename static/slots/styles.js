// Styles that an answer names and the page has not met yet: without them a fragment would be seen undressed.

const STYLE_MS_MAX = 3000; // a swap waits no longer

/** @param {string} html */
export function newStyles(html) {
  const linked = new Set([...document.head.querySelectorAll("link[href]")].map((link) => link.getAttribute("href")));
  const named = [...html.matchAll(/<link (?=(?:[^>]*\s)?rel="stylesheet")(?:[^>]*\s)?href="(\/assets\/[^"]+)"/gi)].map(
    (found) => found[1].replaceAll("&amp;", "&"),
  );
  return named.filter((href) => !linked.has(href));
}

/** @param {string} href @returns {Promise<unknown>} */
export function loadStyle(href) {
  return new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "preload";
    link.as = "style";
    link.href = href;
    link.addEventListener("load", resolve);
    link.addEventListener("error", resolve);
    setTimeout(resolve, STYLE_MS_MAX);
    document.head.append(link);
  });
}
