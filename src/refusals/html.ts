/** Pages where an API should have answered: proxies, front ends, challenges. */

const MAX_PAGE = 16_384;

/** Tells whether a trimmed body is a page. */
export function isHtml(body: string): boolean {
  return /^(?:<!doctype html|<html|<head|<title|<body|<h1|<center|<!--)/i.test(body.slice(0, 32));
}

/** Tells whether a page stands somewhere in a text, as relays wrap what they met. */
export function holdsPage(text: string): boolean {
  return /<(?:!doctype html|html|head)[\s>]/i.test(text.slice(0, MAX_PAGE));
}

/** Returns what a reader of the page sees, from its first 16 KiB. */
export function textOfHtml(page: string): string {
  const shown = cutElement(cutElement(page.slice(0, MAX_PAGE), "script"), "style");
  return shown
    .replace(/<[^<>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

/** Cuts with `indexOf`, since a hostile page would make a pattern quadratic. */
function cutElement(page: string, name: string): string {
  const lower = page.toLowerCase();
  let kept = "";
  let at = 0;
  for (;;) {
    const start = lower.indexOf(`<${name}`, at);
    if (start < 0) return kept + page.slice(at);
    kept += page.slice(at, start);
    const end = lower.indexOf(`</${name}`, start);
    if (end < 0) return kept;
    at = end;
  }
}
