/** Shows its environ as a page: what a server tells an application about a request, all of it. */
import type { Application } from '../wsgi.ts';

export const app: Application = (environ, startResponse) => {
  const rows = Object.entries(environ)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([key, value]) => `<tr><th>${escapeHtml(key)}</th><td>${escapeHtml(show(value))}</td></tr>`,
    );
  startResponse('200 OK', [['Content-Type', 'text/html; charset=utf-8']]);
  return [
    '<!doctype html><title>environ</title>',
    '<style>th{text-align:left;padding-right:2em}th,td{font-family:monospace;overflow-wrap:anywhere}</style>',
    '<h1>environ</h1><table>\n',
    rows.join('\n'),
    '\n</table>\n',
  ];
};

function show(value: unknown): string {
  const isStream = typeof value === 'object' && !Array.isArray(value);
  return isStream ? '(a stream)' : JSON.stringify(value);
}

/** A path may hold <script>: whatever comes from a request is text here, never markup. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
