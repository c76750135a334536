// HTML pages that proxies send in place of an API's answer.

const TITLES: Readonly<Record<number, string>> = {
  403: "403 Forbidden",
  429: "429 Too Many Requests",
  502: "502 Bad Gateway",
  504: "504 Gateway Time-out",
};

/** Returns the page that a proxy sends with a status. */
export function htmlPage(status: number): string {
  if (status >= 520) return edgePage(status);
  const title = TITLES[status] ?? `${status} Error`;
  return [
    "<html>",
    `<head><title>${title}</title></head>`,
    "<body>",
    `<center><h1>${title}</h1></center>`,
    "<hr><center>proxy</center>",
    "</body>",
    "</html>",
    "",
  ].join("\r\n");
}

function edgePage(status: number): string {
  const words = status === 524 ? "A timeout occurred" : "Web server is returning an unknown error";
  return [
    "<!DOCTYPE html>",
    '<html lang="en-US">',
    `<head><title>upstream.example | ${status}: ${words}</title><meta charset="UTF-8" /></head>`,
    `<body><h1><span>${words}</span> <span>Error code ${status}</span></h1>`,
    "<p>The connection to the origin web server was made, but it did not answer in time.</p></body>",
    "</html>",
    "",
  ].join("\n");
}
