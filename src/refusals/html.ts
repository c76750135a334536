/** HTML pages in place of an API's response: proxies, front ends, bot checks. */

const MAX_PAGE = 16_384;

/** Elements with which a page, or a part of one, begins. */
const PAGE_START =
  /^<(?:!doctype html|!--|(?:html|head|title|body|h[1-6]|center|div|p|span|style|script|meta|link|main|section|table|iframe|noscript|br|b|strong|a|img|pre)[\s>/])/i;

/** True when a trimmed body is a page, or a part of one. */
export function isHtml(body: string): boolean {
  return PAGE_START.test(body.slice(0, 32));
}

/** True when a text contains a page, as relays wrap the response they got. */
export function holdsPage(text: string): boolean {
  return /<(?:!doctype html|html|head)[\s>]/i.test(text.slice(0, MAX_PAGE));
}

/** Returns the visible text of a page, from its first 16 KiB. */
export function textOfHtml(page: string): string {
  const shown = cutElement(cutElement(page.slice(0, MAX_PAGE), "script"), "style");
  return shown
    .replace(/<[^<>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

/** Cuts with `indexOf`, because on a hostile page a pattern would take quadratic time. */
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
