/** Follows all links of the book from its first page on: over a server or in a folder, as `read` does. */

/** Gives the text of what is there; undefined for what is not. */
type Read = (name: string) => Promise<string | undefined>;

export async function followLinks(read: Read): Promise<{ faults: string[]; pages: number }> {
  const pages = new Map([['/', (await read('/')) ?? '']]);
  const faults = new Set<string>();
  for (const [from, text] of pages) {
    for (const [, href = ''] of text.matchAll(
      /<(?:a|img|link|script)\b[^>]*?\s(?:href|src)="([^"]+)"/g,
    )) {
      const { origin, pathname, hash } = new URL(href, `http://book${from}`);
      if (origin !== 'http://book') continue;
      if (!pages.has(pathname)) {
        const found = await read(pathname);
        if (found === undefined) faults.add(`${from}: there is no ${href}`);
        pages.set(pathname, /\/$|\.html$/.test(pathname) ? (found ?? '') : '');
      }
      const isLines = /^#L\d/.test(hash);
      const isThere = pages.get(pathname)?.includes(`id="${decodeURIComponent(hash.slice(1))}"`);
      if (hash && !isLines && !isThere) faults.add(`${from}: no place for ${href}`);
    }
  }
  return { faults: [...faults], pages: pages.size };
}
